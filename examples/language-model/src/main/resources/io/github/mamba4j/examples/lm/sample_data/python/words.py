"""Counts of words and letters in a text."""

import re
import sys
from collections import Counter

WORD = re.compile(r"[A-Za-z']+")


def words(text):
    """Return the words of a text in lower case."""
    return [word.lower() for word in WORD.findall(text)]


def most_common(text, count=10):
    """Return the most frequent words with their counts."""
    return Counter(words(text)).most_common(count)


def letters(text):
    """Return how often each letter occurs."""
    return Counter(c for c in text.lower() if c.isalpha())


def average_length(text):
    """Return the mean length of the words, 0 for a text without words."""
    found = words(text)
    if not found:
        return 0.0
    return sum(len(word) for word in found) / len(found)


def bigrams(text):
    """Return how often each pair of words occurs."""
    found = words(text)
    return Counter(zip(found, found[1:]))


def is_palindrome(text):
    """Tell whether a text reads the same from both ends."""
    kept = [c.lower() for c in text if c.isalnum()]
    return kept == kept[::-1]


def wrap(text, width=72):
    """Break a text into lines that are not longer than the width."""
    lines = []
    line = ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    if line:
        lines.append(line)
    return "\n".join(lines)


def caesar(text, shift):
    """Shift every letter of the alphabet by a number of places."""
    result = []
    for c in text:
        if "a" <= c <= "z":
            result.append(chr((ord(c) - ord("a") + shift) % 26 + ord("a")))
        elif "A" <= c <= "Z":
            result.append(chr((ord(c) - ord("A") + shift) % 26 + ord("A")))
        else:
            result.append(c)
    return "".join(result)


def main():
    text = sys.stdin.read()
    for word, count in most_common(text):
        print(f"{count:6d} {word}")
    print(f"average length: {average_length(text):.2f}")


if __name__ == "__main__":
    main()
