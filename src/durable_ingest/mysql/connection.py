"""One connection to the server: the module in which PyMySQL's errors end."""

from __future__ import annotations

import re
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from weakref import finalize

import pymysql

from durable_ingest.mysql.commands import BrokenCommandError, GuardedConnection, InClearError
from durable_ingest.mysql.cutoff import Cutoff, Line
from durable_ingest.mysql.dial import dial
from durable_ingest.mysql.literals import literal
from durable_ingest.mysql.wrapped import inside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from durable_ingest.deadline import Deadline
    from durable_ingest.mysql.credentials import Login
    from durable_ingest.mysql.target import MySQL
    from durable_ingest.mysql.upsert import Dialect

SQL_MODE: Final = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION"
"""Values that do not fit are refused, never cut, on any engine and in any row of a statement."""
LOCK_WAIT_SECONDS: Final = 1
"""MySQL's shortest. A locked row's group waits in the queue instead, and blocks no other."""
IDLE_SECONDS: Final = 660
"""How long the server keeps an idle connection: a little longer than a drainer does."""
IDLE_SECONDS_IN_TRANSACTION: Final = 60
"""The same where a vanished drainer could leave row locks behind."""

_ROW_ALIAS_SINCE: Final = (8, 0, 19)
_TRANSACTION_ISOLATION_SINCE: Final = (8, 0)
_UNKNOWN_VARIABLE: Final = 1193
_LOGIN_REFUSED: Final = (1045, 1698)
_MALFORMED: Final = 2027
_TLS_FAILED: Final = 2026
_PLUGIN_MISSING: Final = 2059
_NO_TIME: Final = 2013
_FOR_GOOD: Final = (
    "CERTIFICATE|UNKNOWN_CA|UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|HANDSHAKE_FAILURE|TOO_SMALL"
)
"""Reasons of TLS failures that another attempt meets again."""


class ServerError(Exception):
    """An error of MySQL or of the way to it.

    `text` may hold row content: classify by it, never show it. `remedy` may be shown.
    """

    def __init__(self, code: int | None, sqlstate: str | None, text: str, remedy: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.sqlstate = sqlstate
        self.text = text
        self.remedy = remedy

    def reason(self, needs: str | None = None) -> str:
        """Say in words what it is, without row content; see `faults.describe` for `needs`."""
        from durable_ingest.mysql.faults import describe  # noqa: PLC0415 - errors are rare

        what = describe(self.code, self.text, needs=needs)
        return ": ".join(filter(None, [what, self.remedy]))


class Connection:
    """A session that is set as the library needs it. Every method raises only `ServerError`."""

    def __init__(self, raw: Any, line: Line, *, autocommit: bool) -> None:  # noqa: ANN401
        self._raw = raw  # PyMySQL's; its stubs leave out methods
        self.line = line
        self.autocommit = autocommit
        version = raw.get_server_info()
        self.dialect = dialect_of(version)
        self.max_packet = 0

    @classmethod
    def open(cls, target: MySQL, *, autocommit: bool, deadline: Deadline) -> Connection:
        """Connect, log in and set the session, within `connect_timeout`.

        A log-in that the server refuses is fetched afresh, once: it may have been rotated.

        Raises:
            ServerError: it did not come about.
            DatabaseUnavailableError: AWS gives no credentials at the moment.
            MisconfiguredError: it never will, or the certificate authorities cannot be read.
        """
        limit = deadline.sooner_of(target.connect_timeout)
        login = target.credentials.login(limit)
        try:
            return cls._log_in(target, login, limit, autocommit=autocommit)
        except ServerError as error:
            if error.code not in _LOGIN_REFUSED:
                raise
            fresh = target.credentials.login(limit, refused=login)
            if fresh == login:
                error.remedy = target.credentials.remedy
                raise
        try:
            return cls._log_in(target, fresh, limit, autocommit=autocommit)
        except ServerError as error:
            if error.code in _LOGIN_REFUSED:
                error.remedy = target.credentials.remedy
            raise

    @classmethod
    def _log_in(
        cls, target: MySQL, login: Login, limit: Deadline, *, autocommit: bool
    ) -> Connection:
        tls: dict[str, Any] = {}
        if target.ssl_mode == "DISABLED":
            tls = {"ssl_disabled": True}
        elif (context := target.tls(login.host)) is not None:
            tls = {"ssl": context}
        try:
            sock = dial(login.host, login.port, limit)
        except OSError as error:
            raise ServerError(2003, None, str(error)) from error
        line = Line(sock)
        raw: Any = None
        try:
            with Cutoff(limit) as cutoff:
                cutoff.guard(line)
                raw = GuardedConnection(
                    host=login.host,
                    port=login.port,
                    user=login.user,
                    password=login.password.encode(errors="surrogatepass"),  # JSON may hold one
                    database=login.database,
                    charset="utf8mb4",
                    read_timeout=target.read_timeout,
                    write_timeout=target.read_timeout,
                    autocommit=None,
                    defer_connect=True,
                    **tls,
                )
                _mapped(raw.connect, sock)
                connection = cls(raw, line, autocommit=autocommit)
                connection._set_session()
                raw.seal()
                finalize(connection, raw._force_close)  # noqa: SLF001 - a drainer may be dropped
        except BaseException:
            if raw is not None:
                raw._force_close()  # noqa: SLF001 - close() would talk to the server first
            sock.close()
            line.close()
            raise
        return connection

    def execute(self, sql: str) -> int:
        """Run a statement; return the number of affected rows."""
        _mapped(self._raw.query_own, sql)
        return int(self._raw.affected_rows())

    def query(self, sql: str, arguments: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a query; return its rows. Without arguments, a % in it is a %."""
        if arguments:
            sql %= tuple(map(literal, arguments))
        with self._raw.own(), self._raw.cursor() as cursor:
            _mapped(cursor.execute, sql)
            return list(cursor.fetchall())

    def apply(
        self,
        command: Callable[[Any, Any], None],
        record: object,
        *,
        dooms: Callable[[ServerError], bool],
    ) -> None:
        """Run a command's `apply` with a cursor of the open transaction.

        Args:
            command: `apply`.
            record: its record.
            dooms: whether the transaction is lost with a statement that failed so, also where
                `apply` catches that.

        Raises:
            ServerError: a statement failed.
            Reject: `apply` refuses the record.
            BrokenCommandError: the command has to be mended.
        """
        failure: Exception | None = None
        try:
            self._raw.run_command(command, record)
        except Exception as error:  # noqa: BLE001 - judged below
            failure = error
        for failed in map(_translated, self._raw.failures):
            if dooms(failed):
                raise failed from failure
        if isinstance(failure, pymysql.Error):
            if failure in self._raw.failures:
                raise _translated(failure) from failure
            # PyMySQL's own, before anything was sent
            raise BrokenCommandError(f"the command raised {type(failure).__name__}") from failure
        if failure is not None:
            raise failure

    def answers(self, deadline: Deadline) -> bool:
        """Say whether the server is still there, by the deadline."""
        with Cutoff(deadline) as cutoff, self._raw.own():
            cutoff.guard(self.line)
            try:
                _mapped(self._raw.ping)
            except ServerError:
                return False
        return True

    literal = staticmethod(literal)

    def close(self, *, politely: bool = True) -> None:
        """End the session; not politely means without a word, for a server that may hang."""
        if not politely:
            self.line.cut()
        with suppress(Exception):
            self._raw.close()
        self.line.close()

    def _set_session(self) -> None:
        settings = {
            "sql_mode": f"'{SQL_MODE}'",
            "time_zone": "'+00:00'",
            "innodb_lock_wait_timeout": LOCK_WAIT_SECONDS,
            "lock_wait_timeout": LOCK_WAIT_SECONDS,
            "wait_timeout": IDLE_SECONDS if self.autocommit else IDLE_SECONDS_IN_TRANSACTION,
            "autocommit": int(self.autocommit),
        }
        sql = "SET SESSION " + ", ".join(f"{name} = {value}" for name, value in settings.items())
        first, second = isolation_variables(self._raw.get_server_info())
        try:
            self.execute(f"{sql}, {first} = 'READ-COMMITTED'")
        except ServerError as error:
            if error.code != _UNKNOWN_VARIABLE:
                raise
            self.execute(f"{sql}, {second} = 'READ-COMMITTED'")
        self.max_packet = int(self.query("SELECT @@max_allowed_packet")[0][0])


def dialect_of(version: str) -> Dialect:
    """Tell how a server of this version names the row that could not be inserted."""
    if "mariadb" in version.lower() or _numbers(version) < _ROW_ALIAS_SINCE:
        return "VALUES()"
    return "row alias"


def isolation_variables(version: str) -> tuple[str, str]:
    """Name the isolation level's variable, the likelier first.

    MySQL 8.0 knows `transaction_isolation` alone, MariaDB before 11.1 `tx_isolation` alone, and a
    proxy may report another version than the server's.
    """
    names = ("transaction_isolation", "tx_isolation")
    old = "mariadb" in version.lower() or _numbers(version) < _TRANSACTION_ISOLATION_SINCE
    return (names[1], names[0]) if old else names


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _mapped(operation: Any, *arguments: object) -> None:  # noqa: ANN401 - PyMySQL's methods
    """Call PyMySQL; whatever it raises becomes a `ServerError`."""
    try:
        operation(*arguments)
    except Exception as error:
        raise _distrusted(error) or _translated(error) from error


def _translated(error: Exception) -> ServerError:
    """Find the error that says most: PyMySQL's own, with a code, however deep it is wrapped."""
    found = list(inside(error))
    coded = [e for e in found if isinstance(e, pymysql.Error) and isinstance(_code(e), int)]
    if coded:
        best = next((each for each in coded if _code(each)), coded[0])  # 0: it is closed, no more
        text = str(best.args[1]) if len(best.args) > 1 else ""
        return ServerError(_code(best), getattr(best, "sqlstate", None), text)
    if any(isinstance(each, OSError) for each in found):
        return ServerError(_NO_TIME, None, str(error))
    if isinstance(error, RuntimeError):  # the password exchange needs a package not installed
        return ServerError(_PLUGIN_MISSING, None, str(error))
    return ServerError(_MALFORMED, None, type(error).__name__)  # no peer that speaks MySQL's way


def _code(error: pymysql.Error) -> Any:  # noqa: ANN401 - an int, a text, or nothing
    return error.args[0] if error.args else None


def _distrusted(error: Exception) -> ServerError | None:
    """Find what TLS objects to for good, such as a certificate, however it is wrapped.

    PyMySQL gives it as 2003 where the client objects, as 2006 or 2013 where the server does.
    """
    for each in inside(error, handled=True):  # PyMySQL's reads and writes name no cause
        if isinstance(each, ssl.SSLCertVerificationError):
            what = getattr(each, "verify_message", "the certificate is not trusted")
            remedy = "pass ssl_ca= the file of the authority that signed the server's certificate"
            return ServerError(_TLS_FAILED, None, "", f"{what}; {remedy}")
        if isinstance(each, InClearError):
            remedy = "the server asks for the password as it is, which TLS alone may carry"
            return ServerError(_TLS_FAILED, None, "", f"{remedy}; set ssl_mode")
        reason = getattr(each, "reason", None) or ""
        if isinstance(each, ssl.SSLError) and re.search(_FOR_GOOD, reason):
            return ServerError(_TLS_FAILED, None, "", reason)
    return None
