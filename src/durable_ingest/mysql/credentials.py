"""Who logs in where, and with what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from durable_ingest.deadline import Deadline

PORT: Final = 3306
HIGHEST_PORT: Final = 65_535


class Login:
    """What one connection needs to log in.

    No tuple: what writes a tuple's elements out, in JSON or for an error report, would show the
    password.
    """

    __slots__ = ("database", "host", "password", "port", "user")

    def __init__(
        self, host: str, port: int, user: str, password: str, database: str | None
    ) -> None:
        self.host: Final = host
        self.port: Final = port
        self.user: Final = user
        self.password: Final = password
        self.database: Final = database

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Login) and all(
            getattr(self, name) == getattr(other, name) for name in self.__slots__
        )

    def __hash__(self) -> int:
        return hash((self.host, self.port, self.user))


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


class Known:
    """A log-in that does not change."""

    need_tls = False
    remedy = ""

    def __init__(self, known: Login) -> None:
        self._known = known

    def login(self, deadline: Deadline, refused: Login | None = None) -> Login:
        """Give it."""
        del deadline, refused
        return self._known
