"""A database for one test: its schema, its rows, and what befalls it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from durable_ingest.testing.commit_faults import CommitFaults
from durable_ingest.testing.connection import Address, connect
from durable_ingest.testing.proxy import TcpProxy
from durable_ingest.testing.servers import fresh_database
from durable_ingest.testing.switch import Switch
from durable_ingest.testing.waiting import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from durable_ingest.testing.commit_faults import CommitFault
    from durable_ingest.testing.servers import DatabaseServer


class IngestDatabase:
    """An empty database on a real server, behind a proxy that makes outages.

    What a test does with it (`apply`, `execute`, `rows`) goes straight to the server, also while
    it is away from everybody else. The proxy hides that the server can do TLS, so clients must not
    demand it; a `MySQL` to a loopback address does not, unless it is told to.

    Args:
        server: a running server.
        folders: where `apply` looks for files, in this order.
    """

    def __init__(self, server: DatabaseServer, folders: Sequence[Path]) -> None:
        """Make the database and open the proxy."""
        self._server = server
        self._folders = folders
        if not server.running:  # an outage's end could not start it
            server.start()
        self._direct = fresh_database(server)
        self._commits = CommitFaults()
        address = Address.parse(self._direct)
        self._proxy = TcpProxy(
            address.port,
            address.host,
            on_request=self._commits,
            listen=free_port(),
            without_tls=True,
        )
        self._proxy.__enter__()
        self.url = self._proxy.url(self._direct)
        """For `MySQL(url)`, or DURABLE_INGEST_MYSQL_URL."""
        self._refusing = Switch(self._proxy.__exit__, self._proxy.__enter__)
        self._stopped = Switch(server.stop, server.start)
        self._unwritable = Switch(
            lambda: server.read_only(on=True), lambda: server.read_only(on=False)
        )
        self._silent = Switch(self._proxy.hold, self._proxy.release)
        # In the order in which they are taken back: a server that is down takes no settings.
        self._faults = (self._stopped, self._refusing, self._unwritable, self._silent)

    def apply(self, *sources: str | Path) -> None:
        """Execute files of SQL, such as a schema or migrations.

        Args:
            sources: `.sql` files, or folders whose `.sql` files are taken in the order of their
                names. Looked for in the test's folder, then its parents up to pytest's root.

        Raises:
            FileNotFoundError: there is no such file or folder, or no `.sql` file in the folder.
            SchemaError: the server refuses a statement; names the file and the statement.
        """
        for source in sources:
            for file in _scripts(self._find(Path(source))):
                self._run_script(file)

    def execute(self, sql: str, args: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Execute one statement, autocommitted; return its rows."""
        with contextlib.closing(self._connect()) as connection, connection.cursor() as cursor:
            cursor.execute(sql, tuple(args) or None)
            return list(cursor.fetchall())

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Read a whole table (`schema.table` too) in the order of its primary key."""
        name = ".".join(f"`{part}`" for part in table.split("."))
        keys = [
            str(row[4]) for row in self.execute(f"SHOW KEYS FROM {name} WHERE Key_name = 'PRIMARY'")
        ]
        order = f" ORDER BY {', '.join(f'`{key}`' for key in keys)}" if keys else ""
        with contextlib.closing(self._connect()) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {name}{order}")  # noqa: S608  the test's own table
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    @property
    def away(self) -> bool:
        """Whether `outage`, `read_only` or `dark` lasts."""
        return any(fault.is_on for fault in self._faults)

    @contextlib.contextmanager
    def outage(self, *, stop: bool = False) -> Iterator[None]:
        """Take the database away: connections end, new ones are refused.

        Args:
            stop: shut the server down, and start it again at the end, which takes seconds.
                Without it only the proxy in front of it goes, which looks the same to clients.
        """
        with self._refusing.held(), self._stopped.held() if stop else contextlib.nullcontext():
            yield

    def read_only(self) -> AbstractContextManager[None]:
        """Refuse writes, as the old writer does after a failover; connections stay.

        It goes for the whole server.
        """
        return self._unwritable.held()

    def dark(self) -> AbstractContextManager[None]:
        """Let nothing pass: connections hang, new ones too.

        Clients find out by their time limits, in real time: give `deliver` a short `timeout`. With
        `timeout=3` it takes a second; with its default, until a connection that was open is given
        up and two new ones are, 16 seconds.
        """
        return self._silent.held()

    def kill_connections(self) -> AbstractContextManager[None]:
        """End every connection at once, whatever it is doing; new ones are accepted."""
        self._proxy.cut()
        return contextlib.nullcontext()

    def lose_commit_answer(self, times: int = 1) -> AbstractContextManager[CommitFault]:
        """Carry the next commits out and lose their answers: the connection ends instead.

        Args:
            times: how many.

        Returns:
            What counts them in its `lost`, as a context manager.
        """
        return self._commits.lose(times)

    def close(self) -> None:
        """Take back what still lasts, close the proxy, drop the database."""
        with contextlib.ExitStack() as last_first:
            last_first.callback(self._drop)
            last_first.callback(self._proxy.__exit__)
            for fault in reversed(self._faults):
                last_first.callback(fault.release)

    def _drop(self) -> None:
        name = Address.parse(self._direct).database
        self._server.execute(f"DROP DATABASE IF EXISTS `{name}`")
        self._server.databases.remove(name)

    def _connect(self, **settings: Any) -> Any:  # noqa: ANN401  PyMySQL's connection
        return connect(self._direct, **settings)

    def _find(self, source: Path) -> Path:
        for folder in self._folders:
            if (folder / source).exists():
                return folder / source
        looked = ", ".join(str(folder) for folder in self._folders)
        message = f"there is no {source} in {looked}"
        raise FileNotFoundError(message)

    def _run_script(self, file: Path) -> None:
        import pymysql  # noqa: PLC0415  loaded at first use
        from pymysql.constants import CLIENT  # noqa: PLC0415  the same

        sql = file.read_text(encoding="utf-8")
        number = 1
        more = bool(sql.strip())  # to the server an empty file is an error
        connection = self._connect(client_flag=CLIENT.MULTI_STATEMENTS)
        with contextlib.closing(connection), connection.cursor() as cursor:
            try:
                if more:
                    cursor.execute(sql)
                while more:
                    number += 1
                    more = bool(cursor.nextset())
            except pymysql.err.Error as error:
                message = f"{file}, statement {number}: {error}"
                raise SchemaError(message) from error


def _scripts(found: Path) -> list[Path]:
    if not found.is_dir():
        return [found]
    files = sorted(found.glob("*.sql"))
    if not files:
        message = f"there is no .sql file in {found}"
        raise FileNotFoundError(message)
    return files


class SchemaError(RuntimeError):
    """A file of SQL was refused."""
