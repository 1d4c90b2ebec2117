"""`handle` ends in time whatever the database does, and no write of it lands later."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest

from durable_ingest import MySQL, Retry
from durable_ingest.clock import SystemClock
from durable_ingest.testing.proxy import Action, TcpProxy
from durable_ingest.testing.waiting import free_port
from tests.contract import drainer_kit as kit
from tests.contract.drainer_kit import KINDS, Outcome, World, all_quiet, frozen, handled, item

pytestmark = [pytest.mark.database, pytest.mark.queue]
desk = kit.desk_fixture
world = kit.world_fixture

SECONDS = 2.0
"""What the function has."""
RESERVE = 0.5
PATIENT = Retry(patience=60.0, reserve=RESERVE)
"""Would wait longer than the function lives."""


def in_time(outcome: Outcome) -> None:
    """Check that everything is held, and that Lambda had its reserve left."""
    assert outcome.error is not None
    assert outcome.context.get_remaining_time_in_millis() >= RESERVE * 1000


def event(world: World, note: str = "late", revision: int = 2) -> dict[str, Any]:
    """Build a batch of two groups."""
    return {
        "Records": [
            world.record(item(number, note, revision), group=f"{number}") for number in (1, 2)
        ]
    }


@contextmanager
def refused() -> Iterator[str]:
    """A port on which nothing listens."""
    yield f"127.0.0.1:{free_port()}"


@contextmanager
def black_hole() -> Iterator[str]:
    """A listener whose backlog is full: it does not even accept."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)  # noqa: FBT003 - the socket module's own
            with suppress(BlockingIOError):
                filler.connect(listener.getsockname())
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def silent() -> Iterator[str]:
    """A listener that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def trickling() -> Iterator[str]:
    """A server that sends a byte of its endless greeting now and then."""
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.sendall(b"\xff\xff\x00\x00")
            while not over.wait(0.05):
                connection.sendall(b"x")

    def accept() -> None:
        while not over.is_set():
            connection, _ = listener.accept()
            thread = threading.Thread(target=drip, args=(connection,))
            thread.start()
            threads.append(thread)

    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            socket.create_connection(listener.getsockname()).close()
            acceptor.join(5)
            for thread in threads:
                thread.join(5)


@pytest.mark.parametrize(("mode", "connect_timeout"), [("delete", 60.0), ("report", 0.5)])
@pytest.mark.parametrize("fault", [refused, black_hole, silent, trickling])
def test_a_server_that_cannot_be_reached(
    world: World, fault: Callable[[], Any], mode: str, connect_timeout: float
) -> None:
    """Whatever `connect_timeout` says, the function's own time is the limit."""
    with fault() as where:
        mysql = MySQL(f"mysql://u:p@{where}/db", connect_timeout=connect_timeout)
        drainer = world.drainer(kit.contract("plain"), mysql=mysql, retry=PATIENT, acknowledge=mode)
        outcome = handled(drainer, event(world), seconds=SECONDS)
    in_time(outcome)
    assert outcome.held == [0, 1]
    assert world.dead() == []


@pytest.mark.parametrize("resolves", ["never", "in vain", "to nothing"])
def test_a_name_that_does_not_resolve(
    world: World, monkeypatch: pytest.MonkeyPatch, resolves: str
) -> None:
    """The resolver knows no time limit: only its thread may be left behind."""
    over = threading.Event()
    real = socket.getaddrinfo

    def resolve(host: str, *arguments: Any, **more: Any) -> Any:  # noqa: ANN401
        if host != "database.example":
            return real(host, *arguments, **more)
        if resolves == "never":
            over.wait(60)
        if resolves == "to nothing":
            return []
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr("durable_ingest.mysql.dial.socket.getaddrinfo", resolve)
    mysql = MySQL("mysql://u:p@database.example/db", connect_timeout=60.0)
    drainer = world.drainer(kit.contract("plain"), mysql=mysql, retry=PATIENT)
    try:
        outcome = handled(drainer, event(world), seconds=SECONDS)
    finally:
        over.set()
    in_time(outcome)
    assert outcome.held == [0, 1]


def test_a_name_that_is_none(world: World) -> None:
    """A label of more than 63 characters cannot be looked up at all."""
    mysql = MySQL(f"mysql://u:p@{'x' * 64}.example/db", connect_timeout=60.0)
    drainer = world.drainer(kit.contract("plain"), mysql=mysql, retry=PATIENT)
    outcome = handled(drainer, event(world), seconds=SECONDS)
    in_time(outcome)
    assert outcome.held == [0, 1]


def prepared(world: World, kind: str, url: str) -> Any:  # noqa: ANN401 - a drainer
    """Make a warm drainer and one row of each group."""
    mysql = MySQL(url, ssl_mode="DISABLED", read_timeout=60.0, connect_timeout=60.0)
    drainer = world.drainer(world.table(kind), mysql=mysql, retry=PATIENT)
    assert handled(drainer, event(world, "before", 1)).held == []
    return drainer


@pytest.mark.chaos
@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_hangs_at_a_statement(world: World, kind: str) -> None:
    """After the thaw the plain row is as it was; a guarded one may be written, never be older."""
    drainer = prepared(world, kind, world.url)
    with frozen(world.database):
        outcome = handled(drainer, event(world), seconds=SECONDS)
    in_time(outcome)
    all_quiet(world)
    if kind == "plain":
        assert world.rows() == {1: "before", 2: "before"}
    assert handled(drainer, event(world, "newest", 3)).held == []
    assert world.rows() == {1: "newest", 2: "newest"}


@pytest.mark.parametrize("word", [b"INSERT", b"COMMIT"])
def test_a_plain_write_that_is_stuck_on_the_way(world: World, word: bytes) -> None:
    """What was given up does not take effect when the network wakes up: there is no COMMIT."""
    with TcpProxy(world.database.port) as proxy:  # type: ignore[attr-defined]
        drainer = prepared(world, "plain", proxy.url(world.url))
        proxy.on_request = lambda r: Action.HOLD if r[1:].startswith(word) else Action.PASS
        outcome = handled(drainer, event(world), seconds=SECONDS)
        proxy.on_request = lambda _request: Action.PASS
        in_time(outcome)
        assert any(request[1:].startswith(word) for request in proxy.requests)
        if word == b"INSERT":
            proxy.release()  # it reaches the server now
            all_quiet(world)
        else:
            proxy.cut()  # a COMMIT on its way could take effect: nobody can call it back
            all_quiet(world)
        assert world.rows() == {1: "before", 2: "before"}
        assert handled(drainer, event(world)).held == []
        assert world.rows() == {1: "late", 2: "late"}


class Leaps(SystemClock):
    """The real clock, until it is put forward."""

    ahead = 0.0

    def monotonic(self) -> float:
        """Seconds since some fixed point."""
        return super().monotonic() + self.ahead


def test_no_commit_is_sent_after_the_deadline(world: World) -> None:
    """The statement was answered just too late: its transaction is given up."""
    clock = Leaps()
    with TcpProxy(world.database.port) as proxy:  # type: ignore[attr-defined]
        mysql = MySQL(proxy.url(world.url), ssl_mode="DISABLED")
        drainer = world.drainer(world.table("plain"), mysql=mysql, clock=clock)

        def leap(request: bytes) -> Action:
            if request[1:].startswith(b"INSERT"):
                clock.ahead = 60.0
            return Action.PASS

        proxy.on_request = leap
        assert handled(drainer, event(world)).held == [0, 1]
        assert proxy.requests[-1][1:].startswith(b"INSERT")
    assert world.rows() == {}


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_never_comes(world: World, kind: str) -> None:
    """Whether it is stored is in doubt: held, and delivered again it comes to the same."""
    last = b"COMMIT" if kind == "plain" else b"INSERT"
    with TcpProxy(world.database.port) as proxy:  # type: ignore[attr-defined]
        drainer = prepared(world, kind, proxy.url(world.url))

        def lose(request: bytes) -> Action:
            return Action.CUT_ANSWER if request[1:].startswith(last) else Action.PASS

        proxy.on_request = lose
        outcome = handled(drainer, event(world), seconds=SECONDS)
        proxy.on_request = lambda _request: Action.PASS
        in_time(outcome)
        again = event(world)
        assert handled(drainer, again).held == []
        assert world.rows() == {1: "late", 2: "late"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_statement_that_lands_after_a_newer_one(world: World, kind: str) -> None:
    """An older drainer gave up; its statement reaches the server when the newer row is there."""
    with TcpProxy(world.database.port) as proxy:  # type: ignore[attr-defined]
        older = prepared(world, kind, proxy.url(world.url))
        proxy.on_request = lambda r: Action.HOLD if b"INSERT" in r[:10] else Action.PASS
        late = event(world)
        in_time(handled(older, late, seconds=SECONDS))
        newer = world.drainer(kit.contract(kind))
        assert handled(newer, event(world, "newer", 3)).held == []
        proxy.on_request = lambda _request: Action.PASS
        proxy.release()
        newer._store.close()
        all_quiet(world)
        assert world.rows() == {1: "newer", 2: "newer"}


@pytest.mark.parametrize("kind", ["sequence", "version"])
def test_an_older_drainer_that_was_paused(world: World, kind: str) -> None:
    """It goes on while it still has time: the guard keeps the newer row, and it is settled."""
    held = threading.Event()
    outcomes: list[Outcome] = []
    with TcpProxy(world.database.port) as proxy:  # type: ignore[attr-defined]
        older = prepared(world, kind, proxy.url(world.url))

        def pause(request: bytes) -> Action:
            if b"INSERT" not in request[:10]:
                return Action.PASS
            held.set()
            return Action.HOLD

        proxy.on_request = pause
        late = event(world)
        thread = threading.Thread(target=lambda: outcomes.append(handled(older, late)))
        thread.start()
        assert held.wait(10)
        proxy.on_request = lambda _request: Action.PASS
        newer = world.drainer(kit.contract(kind))
        assert handled(newer, event(world, "newer", 3)).held == []
        proxy.release()
        thread.join(20)
    assert [outcome.held for outcome in outcomes] == [[]]
    assert world.rows() == {1: "newer", 2: "newer"}
