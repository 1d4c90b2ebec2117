"""A real MySQL or MariaDB under test: what it can be told, and what all kinds have in common."""

import atexit
import secrets
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, Self

from durable_ingest.testing.connection import Address, connect, run
from durable_ingest.testing.waiting import eventually, free_port

if TYPE_CHECKING:
    from pymysql.connections import Connection

DATABASE = "ingest"
USER = "ingest"
START_WITHIN = 120.0
STOP_WITHIN = 60.0
# Less work at start and per commit. Data still outlives a SIGKILL of the server: a commit is in
# the operating system's hands, only a crash of the machine itself could lose it.
OPTIONS = (
    "--performance-schema=OFF",
    "--skip-log-bin",
    "--skip-name-resolve",
    "--character-set-server=utf8mb4",
    "--innodb-buffer-pool-size=64M",
    "--innodb-flush-log-at-trx-commit=2",
)
READ_ONLY_OPTIONS = ("--read-only=ON", "--loose-super-read-only=ON")


class NotControllableError(RuntimeError):
    """The server was given by its URL: tests may use it, not stop or change it."""


class DatabaseServer(Protocol):
    """A MySQL or MariaDB server that a test owns."""

    databases: list[str]
    """The databases that `fresh_database` made."""

    @property
    def flavour(self) -> str:
        """`mysql` or `mariadb`."""

    @property
    def url(self) -> str:
        """The application's URL; the same over stop and start. No SUPER."""

    @property
    def admin_url(self) -> str:
        """Root's URL."""

    @property
    def running(self) -> bool:
        """Whether the server is up; a frozen one is."""

    def start(self, *, read_only: bool = False) -> None:
        """Start with the same data on the same port; return when it accepts queries."""

    def stop(self) -> None:
        """Shut down gracefully; return when it is down."""

    def kill(self) -> None:
        """End it with SIGKILL; return when it is dead."""

    def freeze(self) -> None:
        """Hang it: connections stay open and nothing answers."""

    def thaw(self) -> None:
        """Let a frozen server go on."""

    def read_only(self, on: bool) -> None:  # noqa: FBT001  reads as `read_only(True)`
        """Refuse or accept writes of everyone without SUPER, as after a failover."""

    def connect(self, url: str | None = None) -> "Connection[Any]":
        """Open an autocommitting PyMySQL connection, to `url` or else this server's."""

    def execute(self, sql: str, args: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Execute one statement as root, autocommitted, on its own connection."""

    def close(self) -> None:
        """End it and remove everything it made; may be called again."""


def fresh_database(server: DatabaseServer) -> str:
    """Create an empty database that the application's user may use; return its URL."""
    name = f"{DATABASE}_{secrets.token_hex(4)}"
    server.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
    server.databases.append(name)
    return replace(Address.parse(server.url), database=name).url


def flavour_of(version: str) -> str:
    """Tell the flavour from a server's version text."""
    return "mariadb" if "mariadb" in version.lower() else "mysql"


class GivenServer:
    """A server that runs already, named by its URL.

    The user needs the right to create databases `ingest_…`, or `admin_url` one who has it.
    """

    def __init__(self, url: str, admin_url: str | None = None) -> None:
        """Keep the URLs; no connection is made."""
        self.url = url
        self.admin_url = admin_url or url
        self.databases: list[str] = []
        self._flavour = ""

    @property
    def flavour(self) -> str:
        """`mysql` or `mariadb`; asks the server once."""
        if not self._flavour:
            self._flavour = flavour_of(str(self.execute("SELECT VERSION()")[0][0]))
        return self._flavour

    @property
    def running(self) -> bool:
        """Taken for granted."""
        return True

    def start(self, *, read_only: bool = False) -> None:
        """Refuse."""
        del read_only
        self._refuse()

    def stop(self) -> None:
        """Refuse."""
        self._refuse()

    def kill(self) -> None:
        """Refuse."""
        self._refuse()

    def freeze(self) -> None:
        """Refuse."""
        self._refuse()

    def thaw(self) -> None:
        """Refuse."""
        self._refuse()

    def read_only(self, on: bool) -> None:  # noqa: FBT001  see DatabaseServer
        """Refuse."""
        del on
        self._refuse()

    def connect(self, url: str | None = None) -> "Connection[Any]":
        """Open an autocommitting PyMySQL connection."""
        return connect(url or self.url)

    def execute(self, sql: str, args: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Execute one statement with the admin URL."""
        return run(self.admin_url, sql, args)

    def close(self) -> None:
        """Drop the databases that `fresh_database` made; the server stays."""
        while self.databases:
            self.execute(f"DROP DATABASE IF EXISTS `{self.databases[-1]}`")
            self.databases.pop()

    def _refuse(self) -> None:
        message = "a server given by its URL is not started, stopped or changed by tests"
        raise NotControllableError(message)


class ControlledServer(ABC):
    """What servers of one's own share. A context manager: starts on entry, closes on exit."""

    def __init__(self) -> None:
        """Choose port and passwords; nothing is started."""
        self.databases: list[str] = []
        self.port = free_port()
        self._password = secrets.token_hex(8)
        self._root_password = secrets.token_hex(8)
        self._created = False

    @property
    def url(self) -> str:
        """The application's URL."""
        return self._url(USER, self._password, DATABASE)

    @property
    def admin_url(self) -> str:
        """Root's URL."""
        return self._url("root", self._root_password, "mysql")

    def _url(self, user: str, password: str, database: str) -> str:
        return Address(
            user=user, password=password, host="127.0.0.1", port=self.port, database=database
        ).url

    @property
    @abstractmethod
    def flavour(self) -> str:
        """`mysql` or `mariadb`."""

    @property
    @abstractmethod
    def running(self) -> bool:
        """Whether the server is up; a frozen one is."""

    @abstractmethod
    def _create(self) -> None:
        """Make data directory and accounts; the server may be left running, writable."""

    @abstractmethod
    def _launch(self, *, read_only: bool) -> None:
        """Start the server on its data; need not wait."""

    @abstractmethod
    def _remove(self) -> None:
        """End the server and delete all that `_create` made."""

    @abstractmethod
    def _last_words(self) -> str:
        """Give the end of the server's log."""

    @abstractmethod
    def stop(self) -> None:
        """Shut down gracefully; return when it is down."""

    @abstractmethod
    def kill(self) -> None:
        """End it with SIGKILL; return when it is dead."""

    @abstractmethod
    def freeze(self) -> None:
        """Hang it."""

    @abstractmethod
    def thaw(self) -> None:
        """Let it go on."""

    def start(self, *, read_only: bool = False) -> None:
        """Start with the same data on the same port; return when it accepts queries.

        Raises:
            RuntimeError: it runs already, or ended while it started; the text has its log's end.
            TimeoutError: it does not answer.
        """
        if self.running:
            message = "the server runs already"
            raise RuntimeError(message)
        if not self._created:
            atexit.register(self.close)
            self._created = True
            self._create()
        if self.running and read_only:
            self.stop()
        if not self.running:
            self._launch(read_only=read_only)
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        try:
            eventually(self._answers, within=START_WITHIN, every=0.05, what="the server's start")
        except TimeoutError as error:
            error.add_note(self._last_words())
            raise

    def _answers(self) -> bool:
        import pymysql  # noqa: PLC0415  loaded at first use

        if not self.running:
            message = f"the server ended while it started:\n{self._last_words()}"
            raise RuntimeError(message)
        try:
            # A proxy in front of a container accepts connections before the server does.
            connect(self.admin_url, timeout=2.0).close()
        except (pymysql.err.Error, OSError):
            return False
        return True

    def read_only(self, on: bool) -> None:  # noqa: FBT001  see DatabaseServer
        """Refuse or accept writes of everyone without SUPER, as after a failover."""
        # MySQL: super_read_only=ON brings read_only with it; read_only=OFF ends both.
        variable = "super_read_only" if on and self.flavour == "mysql" else "read_only"
        self.execute(f"SET GLOBAL {variable} = {'ON' if on else 'OFF'}")

    def connect(self, url: str | None = None) -> "Connection[Any]":
        """Open an autocommitting PyMySQL connection, to `url` or else this server's."""
        return connect(url or self.url)

    def execute(self, sql: str, args: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Execute one statement as root, autocommitted, on its own connection."""
        return run(self.admin_url, sql, args)

    def close(self) -> None:
        """End it and remove everything it made; may be called again."""
        atexit.unregister(self.close)
        if self._created:
            self._remove()
            self._created = False

    def __enter__(self) -> Self:
        """Start the server unless it runs."""
        if not self.running:
            try:
                self.start()
            except BaseException:
                self.close()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()
