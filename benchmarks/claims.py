"""What the figures have to show: a ratio, and how large it must be, or how small."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Claim:
    """A ratio of two medians of one run, and its bound."""

    what: str
    ratio: float
    bound: float
    at_least: bool = False
    """Whether the bound is the least that will do; else it is the most."""

    @property
    def holds(self) -> bool:
        """Whether the ratio is within its bound."""
        return self.ratio >= self.bound if self.at_least else self.ratio <= self.bound

    @property
    def words(self) -> str:
        """The bound in words."""
        return f"{'at least' if self.at_least else 'at most'} {self.bound:g}"

    def as_json(self) -> dict[str, Any]:
        """Give it all."""
        return asdict(self) | {"holds": self.holds}
