"""PyMySQL's exceptions as the library's one, whatever they wrap."""

import ssl
from collections.abc import Callable

import pymysql
import pytest

from durable_ingest.mysql.connection import ServerError, _mapped
from tests.fake_aws import PASSWORD

SSL_EOF = ssl.SSLEOFError(8, "EOF occurred in violation of protocol (_ssl.c:1006)")


def distrust() -> ssl.SSLCertVerificationError:
    """Make what TLS raises for a certificate."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "unable to get local issuer certificate"
    return error


def alert(reason: str) -> ssl.SSLError:
    """Make what TLS raises with this reason."""
    error = ssl.SSLError(1, f"[SSL: {reason}] (_ssl.c:2580)")
    error.reason = reason
    return error


def kept(inner: Exception) -> Exception:
    """Wrap as PyMySQL's `connect` does: the original is an attribute."""
    error = pymysql.OperationalError(2003, f"Can't connect to MySQL server on 'db' ({inner})")
    error.original_exception = inner  # type: ignore[attr-defined] # PyMySQL's
    return error


def caused(inner: Exception) -> Exception:
    """Wrap by `raise … from`."""
    error = pymysql.OperationalError(2013, "Lost connection")
    error.__cause__ = inner
    return error


def handled(inner: Exception) -> Exception:
    """Wrap as PyMySQL's reads and writes do: raised while the other is handled."""
    error = pymysql.OperationalError(2006, "MySQL server has gone away")
    error.__context__ = inner
    return error


def bare(inner: Exception) -> Exception:
    """Wrap not at all."""
    return inner


Wrap = Callable[[Exception], Exception]
WRAPS = [kept, caused, handled, bare, lambda inner: kept(handled(inner))]


def mapped(error: Exception) -> ServerError:
    """Give what becomes of an error."""

    def operation() -> None:
        raise error

    with pytest.raises(ServerError) as raised:
        _mapped(operation)
    return raised.value


@pytest.mark.parametrize("wrap", WRAPS)
def test_a_distrusted_certificate_is_found(wrap: Wrap) -> None:
    """However it is wrapped; the reason says what is wrong, and what to do."""
    error = mapped(wrap(distrust()))
    assert error.code == 2026
    assert "unable to get local issuer certificate" in error.reason()
    assert "ssl_ca=" in error.reason()


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize(
    "reason",
    [
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "TLSV1_ALERT_UNKNOWN_CA",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "UNSUPPORTED_PROTOCOL",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "DH_KEY_TOO_SMALL",
    ],
)
def test_what_tls_objects_to_for_good_is_found(wrap: Wrap, reason: str) -> None:
    """Another attempt would meet it again."""
    error = mapped(wrap(alert(reason)))
    assert error.code == 2026
    assert reason in error.reason()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (kept(SSL_EOF), 2003),
        (handled(SSL_EOF), 2006),
        (kept(alert("UNEXPECTED_EOF_WHILE_READING")), 2003),
        (handled(alert("PROTOCOL_IS_SHUTDOWN")), 2006),
        (kept(alert("TLSV1_ALERT_INTERNAL_ERROR")), 2003),
        (kept(ConnectionResetError(104, "reset")), 2003),
        (SSL_EOF, 2013),
        (TimeoutError("timed out"), 2013),
    ],
)
def test_a_connection_that_ends_in_tls_is_lost(error: Exception, code: int) -> None:
    """As a server that goes down ends it: an outage, no configuration."""
    assert mapped(error).code == code


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (pymysql.err.IntegrityError(1062, "Duplicate entry", sqlstate="23000"), (1062, "23000")),
        (pymysql.err.InterfaceError(0, ""), (0, None)),
        (pymysql.err.Error("Already closed"), (2027, None)),
        (pymysql.err.OperationalError("Couldn't receive server's public key"), (2027, None)),
        (pymysql.err.InternalError(), (2027, None)),
        (RuntimeError("'cryptography' package is required"), (2059, None)),
        (ValueError("no packet of MySQL's"), (2027, None)),
        (IndexError(), (2027, None)),
    ],
)
def test_every_other_exception_has_a_code(
    error: Exception, expected: tuple[int, str | None]
) -> None:
    """PyMySQL's own, or one that says what it is."""
    found = mapped(error)
    assert (found.code, found.sqlstate) == expected


def test_a_reason_holds_no_content() -> None:
    """The server's text quotes values; the exception's own text is the code."""
    error = mapped(pymysql.err.IntegrityError(1062, f"Duplicate entry '{PASSWORD}' for key 'x'"))
    assert PASSWORD not in error.reason()
    assert PASSWORD not in str(error)
