"""What the doctor finds: how bad, what it costs, and how to mend it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from durable_ingest.doctor.catalogue import CHECKS, PARTS, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

SILENT_LOSS: Final = "mapping.response_types"
"""Where this is an error it is said before everything else."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    severity: Severity
    check: str
    """The check's name, such as `queue.retention`; a part's, where that could not be seen."""
    what: str
    """What is so."""
    cost: str
    """What it would cost."""
    remedy: str
    """A command or a setting."""

    def __post_init__(self) -> None:
        if self.check not in CHECKS and self.check not in PARTS:
            raise KeyError(self.check)

    def to_json(self) -> dict[str, str]:
        """Give it for `--json`."""
        return asdict(self) | {"severity": self.severity.name.lower()}


def error(check: str, what: str, cost: str, remedy: str) -> Finding:
    """Find an error."""
    return Finding(Severity.ERROR, check, what, cost, remedy)


def warning(check: str, what: str, cost: str, remedy: str) -> Finding:
    """Find something to warn of."""
    return Finding(Severity.WARNING, check, what, cost, remedy)


def note(check: str, what: str, cost: str, remedy: str) -> Finding:
    """Find something worth knowing."""
    return Finding(Severity.NOTE, check, what, cost, remedy)


def unseen(check: str, why: str, remedy: str) -> Finding:
    """Say what could not be looked at."""
    cost = "what it would have shown is not known"
    return Finding(Severity.UNSEEN, check, f"could not be seen: {why}", cost, remedy)


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """Sort by severity; a mapping that loses messages comes before everything else."""
    return sorted(findings, key=lambda each: (each.severity, each.check != SILENT_LOSS))


def exit_code(findings: Sequence[Finding]) -> int:
    """Give 4 where something is an error, 3 where something is to be warned of or unseen, else 0.

    1 and 2 are those of every command: it failed, and it was told wrongly.
    """
    worst = min((each.severity for each in findings), default=Severity.NOTE)
    return {Severity.ERROR: 4, Severity.WARNING: 3, Severity.UNSEEN: 3}.get(worst, 0)
