"""Accounts with deposits, withdrawals and a journal."""

from dataclasses import dataclass, field
from datetime import date


class NotEnoughMoney(Exception):
    """The balance is lower than the amount to take."""


@dataclass
class Entry:
    """One line of the journal."""

    day: date
    text: str
    amount: int


@dataclass
class Account:
    """An account in cents."""

    owner: str
    balance: int = 0
    journal: list = field(default_factory=list)

    def deposit(self, day, amount, text="deposit"):
        if amount <= 0:
            raise ValueError("the amount must be positive")
        self.balance += amount
        self.journal.append(Entry(day, text, amount))

    def withdraw(self, day, amount, text="withdrawal"):
        if amount <= 0:
            raise ValueError("the amount must be positive")
        if amount > self.balance:
            raise NotEnoughMoney(f"{self.owner} has {self.balance}, needs {amount}")
        self.balance -= amount
        self.journal.append(Entry(day, text, -amount))

    def statement(self):
        """Return the journal as lines of text."""
        lines = [f"Statement of {self.owner}"]
        total = 0
        for entry in self.journal:
            total += entry.amount
            lines.append(f"{entry.day}  {entry.text:<20} {entry.amount:>10} {total:>10}")
        return "\n".join(lines)


def transfer(day, source, target, amount):
    """Move money from one account to another, or change nothing."""
    source.withdraw(day, amount, f"to {target.owner}")
    target.deposit(day, amount, f"from {source.owner}")


def total(accounts):
    """Return the sum of all balances."""
    return sum(account.balance for account in accounts)


def main():
    alice = Account("Alice")
    bob = Account("Bob")
    today = date(2026, 1, 15)
    alice.deposit(today, 10_000)
    transfer(today, alice, bob, 2_500)
    try:
        transfer(today, bob, alice, 5_000)
    except NotEnoughMoney as problem:
        print("refused:", problem)
    for account in (alice, bob):
        print(account.statement())


if __name__ == "__main__":
    main()
