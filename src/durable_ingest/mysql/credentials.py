"""Who logs in where, and with what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from durable_ingest.deadline import Deadline

PORT: Final = 3306
HIGHEST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class Login:
    """What one connection needs to log in.

    No tuple: what writes a tuple's elements out, in JSON or for an error report, would show the
    password.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str | None


class Credentials(Protocol):
    """Where a `Login` comes from."""

    @property
    def need_tls(self) -> bool:
        """Whether the password is sent as it is, so that only an encrypted line may carry it."""
        ...

    @property
    def remedy(self) -> str:
        """What to mend where the server refuses the log-in."""
        ...

    def login(self, deadline: Deadline, refused: Login | None = None) -> Login:
        """Give a log-in; one fetched afresh where the server has just refused `refused`.

        Raises:
            DatabaseUnavailableError: AWS did not answer in time, or with its own fault.
            MisconfiguredError: AWS refuses, or the answer cannot be used; the text has the remedy.
        """
        ...


class Known(NamedTuple):
    """A log-in that does not change."""

    known: Login
    need_tls: bool = False
    remedy: str = ""

    def login(self, deadline: Deadline, refused: Login | None = None) -> Login:
        """Give it."""
        del deadline, refused
        return self.known
