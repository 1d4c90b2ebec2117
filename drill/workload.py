"""Which customer changes to what, and when: the same seed gives the same changes."""

import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass

_NAMES = ("Ada", "Zoë", "José", "Łukasz", "Nguyễn Thị", "李雷", "Мария", "Ana 🐙", "O'Brien", "50%")


@dataclass(frozen=True, order=True)
class Customer:
    """A customer's row, as it was sent or as it is stored."""

    customer_id: str
    revision: int
    """Counts this customer's changes from 1."""
    email: str
    name: str

    def body(self) -> dict[str, object]:
        """Give the request's body."""
        return asdict(self)


@dataclass(frozen=True)
class Change:
    """One request of the workload."""

    due: float
    """When it is to be sent: seconds since the drill began."""
    owner: int
    """The customer's number, from 0. One client sends all changes of a customer, in order."""
    customer: Customer


def changes(*, seed: int, rate: float, customers: int) -> Iterator[Change]:
    """Make changes without end, `rate` of them due each second.

    Low numbers change more often than high ones: a few busy customers, many quiet ones.
    """
    chance = random.Random(seed)  # noqa: S311  has to repeat, not to be secret
    revisions = [0] * customers
    number = 0
    while True:
        owner = int(customers * chance.random() ** 2)
        revisions[owner] += 1
        revision = revisions[owner]
        customer = Customer(
            customer_id=f"customer-{owner:05d}",
            revision=revision,
            email=f"customer-{owner}.{chance.randrange(10**6):06d}@example.com",
            name=f"{chance.choice(_NAMES)} {revision}",
        )
        yield Change(due=number / rate, owner=owner, customer=customer)
        number += 1
