"""A store of things, saved as JSON."""

import argparse
import json
from pathlib import Path


class Inventory:
    """How many of each thing there are."""

    def __init__(self, counts=None):
        self.counts = dict(counts or {})

    def add(self, name, count=1):
        if count < 1:
            raise ValueError(f"count must be positive, got {count}")
        self.counts[name] = self.counts.get(name, 0) + count

    def take(self, name, count=1):
        available = self.counts.get(name, 0)
        if count > available:
            raise KeyError(f"there are only {available} of {name}")
        if count == available:
            del self.counts[name]
        else:
            self.counts[name] = available - count

    def __len__(self):
        return len(self.counts)

    def __iter__(self):
        return iter(sorted(self.counts.items()))

    @classmethod
    def load(cls, path):
        if not path.exists():
            return cls()
        with path.open(encoding="utf-8") as file:
            return cls(json.load(file))

    def save(self, path):
        temporary = path.with_suffix(".new")
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(self.counts, file, indent=2, sort_keys=True)
        temporary.replace(path)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, default=Path("inventory.json"))
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("add", "take"):
        command = commands.add_parser(name)
        command.add_argument("thing")
        command.add_argument("count", type=int, nargs="?", default=1)
    commands.add_parser("list")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    inventory = Inventory.load(arguments.file)
    if arguments.command == "add":
        inventory.add(arguments.thing, arguments.count)
    elif arguments.command == "take":
        inventory.take(arguments.thing, arguments.count)
    for name, count in inventory:
        print(f"{count:5d} {name}")
    inventory.save(arguments.file)


if __name__ == "__main__":
    main()
