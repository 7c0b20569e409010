"""Small dense matrices as lists of rows."""


def zeros(rows, columns):
    return [[0.0] * columns for _ in range(rows)]


def identity(size):
    result = zeros(size, size)
    for i in range(size):
        result[i][i] = 1.0
    return result


def transpose(matrix):
    return [list(column) for column in zip(*matrix)]


def multiply(a, b):
    """Return the product of two matrices."""
    if len(a[0]) != len(b):
        raise ValueError(f"cannot multiply {len(a)}x{len(a[0])} by {len(b)}x{len(b[0])}")
    columns = transpose(b)
    return [[sum(x * y for x, y in zip(row, column)) for column in columns] for row in a]


def power(matrix, exponent):
    """Return a power of a square matrix by repeated squaring."""
    result = identity(len(matrix))
    while exponent > 0:
        if exponent % 2 == 1:
            result = multiply(result, matrix)
        matrix = multiply(matrix, matrix)
        exponent //= 2
    return result


def solve(matrix, right):
    """Solve a system of linear equations by elimination with pivots."""
    size = len(matrix)
    rows = [list(row) + [value] for row, value in zip(matrix, right)]
    for i in range(size):
        pivot = max(range(i, size), key=lambda r: abs(rows[r][i]))
        if rows[pivot][i] == 0:
            raise ValueError("the matrix is singular")
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(i + 1, size):
            factor = rows[r][i] / rows[i][i]
            for c in range(i, size + 1):
                rows[r][c] -= factor * rows[i][c]
    result = [0.0] * size
    for i in range(size - 1, -1, -1):
        known = sum(rows[i][c] * result[c] for c in range(i + 1, size))
        result[i] = (rows[i][size] - known) / rows[i][i]
    return result


def fibonacci(n):
    """Return a Fibonacci number from a power of a matrix."""
    return int(power([[1, 1], [1, 0]], n)[0][1])


def show(matrix):
    for row in matrix:
        print(" ".join(f"{value:8.3f}" for value in row))
