"""Primes, divisors and digits."""


def sieve(limit):
    """Return all primes below a limit (Eratosthenes)."""
    is_prime = [True] * max(limit, 2)
    is_prime[0] = is_prime[1] = False
    for number in range(2, int(limit**0.5) + 1):
        if is_prime[number]:
            for multiple in range(number * number, limit, number):
                is_prime[multiple] = False
    return [number for number in range(limit) if is_prime[number]]


def factors(number):
    """Return the prime factors in ascending order."""
    found = []
    divisor = 2
    while divisor * divisor <= number:
        while number % divisor == 0:
            found.append(divisor)
            number //= divisor
        divisor += 1
    if number > 1:
        found.append(number)
    return found


def gcd(a, b):
    """Return the greatest common divisor (Euclid)."""
    while b:
        a, b = b, a % b
    return abs(a)


def lcm(a, b):
    """Return the least common multiple."""
    return abs(a * b) // gcd(a, b) if a and b else 0


def digits(number, base=10):
    """Return the digits from the last to the first."""
    if number == 0:
        return [0]
    found = []
    while number > 0:
        number, digit = divmod(number, base)
        found.append(digit)
    return found


def roman(number):
    """Return a number from 1 to 3999 in Roman numerals."""
    values = [
        (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"),
        (100, "C"), (90, "XC"), (50, "L"), (40, "XL"),
        (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
    ]
    result = ""
    for value, letters in values:
        while number >= value:
            result += letters
            number -= value
    return result


def collatz(number):
    """Yield the numbers of the Collatz sequence down to 1."""
    while number != 1:
        yield number
        number = number // 2 if number % 2 == 0 else 3 * number + 1
    yield 1


def is_perfect(number):
    return number > 1 and sum(d for d in range(1, number) if number % d == 0) == number


if __name__ == "__main__":
    print(sieve(50))
    for n in (12, 97, 360):
        print(n, factors(n), roman(n), list(collatz(n)))
