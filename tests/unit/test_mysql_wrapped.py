"""Errors inside errors, and what they are translated to."""

import ssl

import pymysql
import pytest

from durable_ingest.mysql.connection import ServerError, _mapped
from durable_ingest.mysql.wrapped import inside

LOST = pymysql.err.OperationalError(2013, "Lost connection")
DUPLICATE = pymysql.err.IntegrityError(1062, "Duplicate entry")
UNTRUSTED = ssl.SSLCertVerificationError("self-signed certificate")
UNTRUSTED.verify_message = "self-signed certificate"


def caused(error: Exception, cause: BaseException) -> Exception:
    """Make an error that another one caused."""
    error.__cause__ = cause
    return error


def original(error: Exception, cause: BaseException, name: str = "original_exception") -> Exception:
    """Make an error as PyMySQL makes one where it cannot connect."""
    setattr(error, name, cause)
    return error


def translated(error: Exception) -> ServerError:
    """Let an operation raise; give what becomes of it."""

    def operation() -> None:
        raise error

    with pytest.raises(ServerError) as caught:
        _mapped(operation)
    return caught.value


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LOST, 2013),
        (DUPLICATE, 1062),
        (pymysql.err.InterfaceError(0, ""), 0),
        (caused(ValueError("an instrument's"), DUPLICATE), 1062),
        (caused(RuntimeError("an instrument's"), LOST), 2013),
        (original(RuntimeError("a pool's"), DUPLICATE, "orig"), 1062),
        (caused(ValueError(), caused(ValueError(), DUPLICATE)), 1062),
        (caused(pymysql.err.InterfaceError(0, ""), LOST), 2013),
        (pymysql.err.InterfaceError(LOST), 2013),
        (ExceptionGroup("several", [ValueError(), DUPLICATE]), 1062),
        (pymysql.err.Error("Already closed"), 2027),
        (pymysql.err.Error(), 2027),
        (pymysql.err.InternalError("Packet sequence number wrong - got 80 expected 0"), 2027),
        (original(pymysql.err.OperationalError(2003, "Can't connect"), UNTRUSTED), 2026),
        (caused(pymysql.err.OperationalError(2003, "Can't connect"), UNTRUSTED), 2026),
        (caused(ValueError(), original(pymysql.err.OperationalError(2003, ""), UNTRUSTED)), 2026),
        (original(pymysql.err.OperationalError(2003, ""), ConnectionRefusedError()), 2003),
        (TimeoutError(), 2013),
        (caused(ValueError(), ConnectionResetError()), 2013),
        (RuntimeError("'cryptography' package is required"), 2059),
        (IndexError("a packet of another protocol"), 2027),
    ],
)
def test_the_error_that_says_most_is_found(error: Exception, code: int) -> None:
    """However deep; an untrusted certificate before all."""
    assert translated(error).code == code


def test_the_sqlstate_is_the_inner_errors() -> None:
    """And so is its text."""
    inner = original(pymysql.err.OperationalError(1205, "Lock wait"), "HY000", "sqlstate")  # type: ignore[arg-type]
    found = translated(caused(ValueError("outer"), inner))
    assert (found.code, found.sqlstate, found.text) == (1205, "HY000", "Lock wait")


def test_an_error_met_while_another_was_handled_is_not_inside() -> None:
    """It may be about something else: an old connection's end, say."""
    error = ValueError()
    error.__context__ = LOST
    assert list(inside(error)) == [error]


def test_errors_in_a_circle_come_to_an_end() -> None:
    """Each is given once."""
    first, second = ValueError(), ValueError()
    first.__cause__, second.__cause__ = second, first
    assert list(inside(first)) == [first, second]
