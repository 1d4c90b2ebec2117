"""Running a `Command`'s `apply`, which may do anything but end its transaction."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pymysql
from pymysql.connections import Connection as PyMySQLConnection
from pymysql.constants import COMMAND

from durable_ingest.errors import Reject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ALLOWED: Final = frozenset(
    {"SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "VALUES", "TABLE", "DO"}
)
"""How a command's statement may begin. Data changes and queries never commit implicitly (MySQL
Reference Manual, "Statements That Cause an Implicit Commit"); a procedure could."""

_IN_CLEAR: Final = (b"mysql_clear_password", b"dialog")
"""Plugins that send the password as it is (MySQL Reference Manual, "Client-Side Cleartext Pluggable
Authentication"; MariaDB's PAM)."""
_BEFORE_THE_FIRST_WORD: Final = (
    r"(?:\s|\(|/\*(?!!|M!).*?\*/|--(?:[ \t][^\n]*)?(?:\n|$)|#[^\n]*(?:\n|$))*"
)
_ENDS: Final = "ran a statement that could end its transaction; it may begin with " + ", ".join(
    sorted(ALLOWED)
)


class BrokenCommandError(Exception):
    """A command has to be mended. The text says what is wrong with it, without row content."""


class InClearError(Exception):
    """The server asks for the password as it is, on a line that anybody could read."""


class _EscapeError(pymysql.NotSupportedError):
    """What `apply` sees of a refused call."""


def ends_transaction(sql: str) -> bool:
    """Say whether a statement might end the open transaction, going by how it begins."""
    start = re.match(_BEFORE_THE_FIRST_WORD, sql, re.DOTALL)
    word = re.match("[A-Za-z]+", sql[start.end() if start else 0 :])
    return word is None or word[0].upper() not in ALLOWED


class GuardedConnection(PyMySQLConnection):
    """PyMySQL's connection, on which a command can run without ending its transaction.

    What the library itself asks for goes through `own`. Everything else comes from a command's
    cursor, or from what a command kept of it, and is let through while the command runs, if it
    cannot end the transaction.
    """

    _is_own = True
    _applying = False

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - PyMySQL's
        self.failures: list[pymysql.Error] = []
        """The errors that the last command met, caught or not."""
        self._escapes: list[str] = []
        super().__init__(**settings)

    @contextmanager
    def own(self) -> Iterator[None]:
        """Let the library's own statements through."""
        before, self._is_own = self._is_own, True
        try:
            yield
        finally:
            self._is_own = before

    def query_own(self, sql: str) -> None:
        """Run one of the library's own statements."""
        before, self._is_own = self._is_own, True
        try:
            super().query(sql)
        finally:
            self._is_own = before

    def seal(self) -> None:
        """Let nothing through from now on but what is own, or a running command's."""
        self._is_own = False

    def run_command(self, apply: Callable[[Any, Any], None], record: object) -> None:
        """Call `apply` with a cursor; see `failures` for what its statements met.

        Raises:
            pymysql.Error: a statement failed, and `apply` did not catch that.
            Reject: as `apply` raised it.
            BrokenCommandError: it tried to end the transaction, or raised what is neither.
        """
        self._applying, self._escapes, self.failures = True, [], []
        try:
            with self.cursor() as cursor:
                apply(cursor, record)
        except (pymysql.Error, Reject):
            self._check_escapes()
            raise
        except Exception as error:
            self._check_escapes()
            raise BrokenCommandError(_where(error)) from error
        finally:
            self._applying = False
        self._check_escapes()

    def query(self, sql: str | bytes, unbuffered: bool = False) -> int:  # noqa: FBT001, FBT002 - PyMySQL's
        """Run a statement; read its whole answer, so that none is left on the wire."""
        if unbuffered:
            self._refuse("used an unbuffered cursor, whose answer would be left on the wire")
        return super().query(sql)

    def close(self) -> None:
        """End the session; a command may not."""
        if self._applying:
            self._refuse("closed the connection")
        super().close()

    def _process_auth(self, plugin: bytes, *arguments: Any) -> Any:  # noqa: ANN401 - PyMySQL's
        """Answer the server's choice of an authentication plugin.

        PyMySQL sends a password as it is whenever it is asked to, also without TLS.
        """
        if plugin in _IN_CLEAR and not self._secure:  # type: ignore[attr-defined]  # not in its stubs
            raise InClearError
        return super()._process_auth(plugin, *arguments)  # type: ignore[misc]  # not in its stubs

    def _execute_command(self, command: int, sql: str | bytes) -> None:
        """Send a command to the server: whatever PyMySQL sends comes through here."""
        if not self._is_own:
            text = sql if isinstance(sql, str) else sql.decode("utf-8", "replace")
            if not self._applying:
                self._refuse("used its cursor after it had returned")
            if command != COMMAND.COM_QUERY or ends_transaction(text):
                self._refuse(_ENDS)
        try:
            super()._execute_command(command, sql)  # type: ignore[misc]  # not in its stubs
        except pymysql.Error as error:
            self._note(error)
            raise

    def _read_packet(self, *arguments: Any) -> Any:  # noqa: ANN401 - PyMySQL's
        """Read a packet of an answer: whatever fails at the server comes through here."""
        try:
            return super()._read_packet(*arguments)  # type: ignore[no-untyped-call]
        except pymysql.Error as error:
            self._note(error)
            raise

    def _note(self, error: pymysql.Error) -> None:
        if self._applying:
            self.failures.append(error)

    def _refuse(self, problem: str) -> None:
        self._escapes.append(problem)
        raise _EscapeError(f"a command {problem}")

    def _check_escapes(self) -> None:
        if self._escapes:
            raise BrokenCommandError(f"the command {self._escapes[0]}")


def _where(error: Exception) -> str:
    """Name an exception's type and the line of `apply` that it came from, not its text."""
    kind = type(error).__name__
    raised = error.__traceback__.tb_next if error.__traceback__ else None
    if raised is None:
        return f"the command raised {kind} when it was called"
    place = f"{Path(raised.tb_frame.f_code.co_filename).name}:{raised.tb_lineno}"
    return f"the command raised {kind} at {place}"
