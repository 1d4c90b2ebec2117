"""IAM tokens and certificates, in front of a real server."""

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from durable_ingest import MySQL
from durable_ingest.mysql.keeping import OLDEST_CONNECTION
from tests.authority import Authority
from tests.contract import store_kit
from tests.contract.odd_servers import odd_server
from tests.contract.rds_front import RdsFront, greeting, packet, read_packet
from tests.contract.store_kit import ITEMS, ITEMS_TABLE, Ahead, Bench
from tests.fake_aws import PASSWORD, Secrets, Signer

pytestmark = pytest.mark.database
bench = store_kit.bench

ONE = {"id": 1, "name": "x"}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Give an authority that nobody else knows."""
    return Authority(tmp_path)


def takes_tokens(user: str, password: str) -> tuple[int, str] | None:
    """Refuse whatever is no token of this user's."""
    taken = user == "iam_user" and password.startswith(f"{PASSWORD}-token-")
    return None if taken else (1045, f"Access denied for user '{user}'")


@pytest.fixture
def front(bench: Bench, authority: Authority) -> Iterator[RdsFront]:
    """Give what plays RDS in front of the server."""
    with RdsFront(bench.url, authority.server(), takes_tokens).listening() as front:
        yield front


def with_tokens(
    front: RdsFront,
    signer: Signer,
    **settings: Any,  # noqa: ANN401 - those of MySQL
) -> MySQL:
    """Log in with tokens."""
    database = front.address.database
    where: dict[str, Any] = {"user": "iam_user", "database": database, "port": front.port}
    return MySQL.from_iam("127.0.0.1", client=signer, **(where | settings))


def test_a_token_logs_in(bench: Bench, authority: Authority, front: RdsFront) -> None:
    """As it is, over TLS whose certificate is verified; each connection has a fresh one."""
    bench.sql(ITEMS_TABLE)
    signer, clock = Signer(), Ahead()
    mysql = with_tokens(front, signer, ssl_ca=str(authority.ca))
    drain = bench.drain(ITEMS, mysql=mysql, clock=clock)
    assert drain(ONE).stored == [0]
    assert drain(ONE).stored == [0]
    clock.by += OLDEST_CONNECTION + 1
    assert drain(ONE, ONE | {"id": 2}).stored == [0, 1]
    front.cut()
    assert drain(ONE).stored == [0]
    assert front.passwords == [f"{PASSWORD}-token-{n}" for n in (1, 2, 3)]
    assert front.unencrypted == []
    assert signer.signed[0] == ("127.0.0.1", front.port, "iam_user", None)


def test_a_connection_that_outlives_its_token(
    bench: Bench, authority: Authority, front: RdsFront
) -> None:
    """A token is looked at when it logs in: later the connection is as good as before."""
    bench.sql(ITEMS_TABLE)
    drain = bench.drain(ITEMS, mysql=with_tokens(front, Signer(), ssl_ca=str(authority.ca)))
    assert drain(ONE).stored == [0]
    front.refuses = lambda _user, _token: (1045, "Access denied")
    assert drain(ONE).stored == [0]
    assert len(front.passwords) == 1


@pytest.mark.parametrize("code", [1045, 1698])
def test_a_token_that_is_refused(
    bench: Bench, authority: Authority, front: RdsFront, code: int
) -> None:
    """Another one is tried at once; then it is held, with the permission that it takes."""
    bench.sql(ITEMS_TABLE)
    drain = bench.drain(ITEMS, mysql=with_tokens(front, Signer(), ssl_ca=str(authority.ca)))
    first: list[str] = []

    def refuses_the_first(_user: str, token: str) -> tuple[int, str] | None:
        first.append(token)
        return (code, "Access denied") if token == first[0] else None

    front.refuses = refuses_the_first
    assert drain(ONE).stored == [0]
    front.cut()
    front.refuses = lambda _user, _token: (code, "Access denied")
    outcome = drain(ONE)
    assert outcome.faults == {0: f"misconfigured {code}"}
    assert "rds-db:connect" in outcome.held[0]
    assert PASSWORD not in outcome.held[0]
    assert len(front.passwords) == 4


@pytest.mark.parametrize("mode", ["REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"])
def test_a_token_does_not_go_out_without_tls(
    bench: Bench, authority: Authority, front: RdsFront, mode: str
) -> None:
    """To a server that offers none, loopback or not, no log-in is sent at all."""
    bench.sql(ITEMS_TABLE)
    front.tls = None
    mysql = with_tokens(front, Signer(), ssl_ca=str(authority.ca), ssl_mode=mode)
    outcome = bench.drain(ITEMS, mysql=mysql)(ONE)
    assert outcome.faults == {0: "misconfigured 2026"}
    assert (front.passwords, front.unencrypted) == ([], [])


@pytest.mark.parametrize("wrong", ["authority", "host", "expired"])
@pytest.mark.parametrize("way", ["url", "secret", "token"])
def test_a_certificate_that_is_not_trusted(
    bench: Bench, authority: Authority, front: RdsFront, way: str, wrong: str
) -> None:
    """Nothing is sent to the server; the reason says what is wrong, and the remedy."""
    bench.sql(ITEMS_TABLE)
    settings: dict[str, Any] = {"ssl_ca": str(authority.ca), "ssl_mode": "VERIFY_IDENTITY"}
    if wrong == "authority":
        other = authority._folder / "other"
        other.mkdir()
        settings["ssl_ca"] = str(Authority(other).ca)
    elif wrong == "host":
        front.tls = authority.server("127.0.0.2")
    else:
        front.tls = authority.server(expired=True)
    where: dict[str, Any] = {"host": "127.0.0.1", "port": front.port}
    mysql = {
        "url": lambda: MySQL(f"mysql://u:{PASSWORD}@127.0.0.1:{front.port}/d", **settings),
        "secret": lambda: MySQL.from_secret("app", client=Secrets(), **where, **settings),
        "token": lambda: with_tokens(front, Signer(), **settings),
    }[way]()
    outcome = bench.drain(ITEMS, mysql=mysql)(ONE)
    assert outcome.faults == {0: "misconfigured 2026"}
    assert "ssl_ca=" in outcome.held[0]
    why = {"authority": "issuer", "host": "mismatch", "expired": "expired"}[wrong]
    assert why in outcome.held[0]
    assert (front.passwords, front.unencrypted) == ([], [])


@pytest.mark.parametrize("plugin", [b"mysql_clear_password\0", b"dialog\0\x04Password: "])
@pytest.mark.parametrize("mode", ["DISABLED", "PREFERRED", "VERIFY_IDENTITY"])
def test_no_password_is_given_away_on_an_unencrypted_line(
    bench: Bench, plugin: bytes, mode: str
) -> None:
    """Whoever plays the server may ask for it: held as misconfigured, with the remedy."""
    heard: list[bytes] = []

    def talk(client: socket.socket, _: threading.Event) -> None:
        client.sendall(greeting("8.0.39", offers_tls=False))
        heard.append(read_packet(client))
        client.sendall(packet(2, b"\xfe" + plugin))
        heard.append(client.recv(1_000))

    with odd_server(talk) as port:
        mysql = MySQL(f"mysql://u:{PASSWORD}@127.0.0.1:{port}/d", ssl_mode=mode)
        outcome = bench.drain(ITEMS, mysql=mysql)(ONE)
    assert outcome.faults == {0: "misconfigured 2026"}
    assert "ssl_mode" in outcome.held[0]
    assert heard[-1] == b""
    assert PASSWORD.encode() not in b"".join(heard)


def test_a_server_that_asks_for_a_certificate(
    bench: Bench, authority: Authority, front: RdsFront
) -> None:
    """It ends TLS only when the log-in is on its way: misconfigured all the same, no outage."""
    bench.sql(ITEMS_TABLE)
    assert front.tls is not None
    front.tls.load_verify_locations(authority.ca)
    front.tls.verify_mode = ssl.CERT_REQUIRED
    drain = bench.drain(ITEMS, mysql=with_tokens(front, Signer(), ssl_ca=str(authority.ca)))
    outcome = drain(ONE)
    assert outcome.faults == {0: "misconfigured 2026"}
    assert "CERTIFICATE_REQUIRED" in outcome.held[0]
    assert front.passwords == []


def test_a_certificate_for_another_host_may_do(
    bench: Bench, authority: Authority, front: RdsFront
) -> None:
    """With VERIFY_CA, as MySQL's own clients take it."""
    bench.sql(ITEMS_TABLE)
    front.tls = authority.server("127.0.0.2")
    mysql = with_tokens(front, Signer(), ssl_ca=str(authority.ca), ssl_mode="VERIFY_CA")
    assert bench.drain(ITEMS, mysql=mysql)(ONE).stored == [0]
