"""Plane shapes with areas and perimeters."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Circle:
    """A circle around the origin."""

    radius: float

    def area(self):
        return math.pi * self.radius**2

    def perimeter(self):
        return 2 * math.pi * self.radius


@dataclass(frozen=True)
class Rectangle:
    """A rectangle with sides parallel to the axes."""

    width: float
    height: float

    def area(self):
        return self.width * self.height

    def perimeter(self):
        return 2 * (self.width + self.height)


@dataclass(frozen=True)
class Polygon:
    """A simple polygon, given by its corners in order."""

    corners: tuple

    def edges(self):
        following = self.corners[1:] + self.corners[:1]
        return zip(self.corners, following)

    def area(self):
        twice = 0.0
        for (x0, y0), (x1, y1) in self.edges():
            twice += x0 * y1 - x1 * y0
        return abs(twice) / 2

    def perimeter(self):
        return sum(math.dist(a, b) for a, b in self.edges())


def largest(shapes):
    """Return the shape with the largest area, or None."""
    return max(shapes, key=lambda shape: shape.area(), default=None)


def main():
    shapes = [
        Circle(1.0),
        Rectangle(2.0, 3.0),
        Polygon(((0, 0), (4, 0), (4, 3))),
    ]
    for shape in shapes:
        name = type(shape).__name__
        print(f"{name}: area {shape.area():.3f}, perimeter {shape.perimeter():.3f}")
    print("largest:", largest(shapes))


if __name__ == "__main__":
    main()
