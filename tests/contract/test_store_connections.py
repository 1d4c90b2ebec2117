"""Connections that are dead, old, killed or frozen with the function: replaced, nothing held."""

import gc
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from durable_ingest import MySQL, Retry, Table
from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.mysql.keeping import IDLE_FOR, OLDEST_CONNECTION
from durable_ingest.testing import Action, DatabaseServer, TcpProxy, eventually, sqs_event
from tests.contract import store_kit
from tests.contract.store_kit import (
    ITEMS,
    ITEMS_TABLE,
    SEQUENCED,
    SEQUENCED_TABLE,
    Ahead,
    Bench,
    Drain,
    run,
    sent,
    session_id,
)

pytestmark = pytest.mark.database
bench = store_kit.bench
server = store_kit.server
proxy = store_kit.proxy

ROOT = Path(__file__).parents[2]
PING = b"\x0e"
PATIENT = Retry(patience=10.0)
BOTH = pytest.mark.parametrize(
    ("table", "create"),
    [(ITEMS, ITEMS_TABLE), (SEQUENCED, SEQUENCED_TABLE)],
    ids=["plain", "sequence"],
)


def names(bench: Bench, table: Table) -> list[str]:
    """Read all names, by key."""
    return [row[0] for row in bench.sql(f"SELECT name FROM {table.name} ORDER BY id")]  # noqa: S608 - a constant's name


def alive(bench: Bench, number: int) -> bool:
    """Say whether a session is there."""
    sql = "SELECT 1 FROM information_schema.PROCESSLIST WHERE ID = %s"
    return bool(bench.server.execute(sql, (number,)))


def warm(bench: Bench, table: Table, create: str, **settings: Any) -> Drain:  # noqa: ANN401 - Bench.drain's
    """Make a table with a row, and a drainer with an open connection."""
    bench.sql(create)
    drain = bench.drain(table, **settings)
    assert drain({"id": 0, "name": "warm"}).stored == [0]
    return drain


def test_a_drainer_that_is_dropped_leaves_no_socket_open(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the garbage collector finds it, which would finalize its socket first."""
    bench.sql(ITEMS_TABLE)
    drain = Drain(MySQL(bench.url), ITEMS, retry=PATIENT, dead_letters=False)
    assert drain({"id": 0, "name": "a"}).stored == [0]
    session = session_id(drain)
    complaints: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    cycle: list[object] = [drain]
    cycle.append(cycle)
    del drain, cycle
    gc.collect()
    assert complaints == []
    assert eventually(lambda: not alive(bench, session))


@BOTH
def test_a_connection_of_ten_minutes_is_replaced(bench: Bench, table: Table, create: str) -> None:
    """Before its time it is kept; then its session ends and another takes over."""
    clock = Ahead()
    drain = warm(bench, table, create, clock=clock)
    first = session_id(drain)
    clock.by += OLDEST_CONNECTION - 10
    assert drain({"id": 0, "name": "a"}).stored == [0]
    assert session_id(drain) == first
    clock.by += 11
    assert drain({"id": 0, "name": "b"}, {"id": 1, "name": "c"}).stored == [0, 1]
    assert session_id(drain) != first
    eventually(lambda: not alive(bench, first), what="the end of the old session")
    assert names(bench, table) == ["b", "c"]


def test_an_idle_connection_is_tried_first(bench: Bench, proxy: TcpProxy) -> None:
    """One request more than usual, and none where it is in use."""
    clock = Ahead()
    drain = warm(bench, SEQUENCED, SEQUENCED_TABLE, url=proxy.url(bench.url), clock=clock)
    for idle, expected in ((IDLE_FOR - 5, [b"\x03"]), (IDLE_FOR + 1, [PING, b"\x03"])):
        clock.by += idle
        proxy.requests.clear()
        assert drain({"id": 0, "name": "a"}).stored == [0]
        assert [request[:1] for request in proxy.requests] == expected
    assert proxy.connections == 1


@BOTH
def test_a_connection_that_the_network_forgot(
    bench: Bench, proxy: TcpProxy, table: Table, create: str
) -> None:
    """Nothing comes back on it, not even an error: replaced well within the function's time."""
    clock = Ahead()
    settings: dict[str, Any] = {"read_timeout": 60.0, "clock": clock}
    drain = warm(bench, table, create, url=proxy.url(bench.url), **settings)
    dark: list[bytes] = []

    def forget(request: bytes) -> Action:
        dark.append(request)
        return Action.HOLD if len(dark) == 1 else Action.PASS

    proxy.on_request = forget
    clock.by += IDLE_FOR + 1
    assert drain({"id": 0, "name": "a"}, {"id": 1, "name": "b"}, timeout=8.0).stored == [0, 1]
    assert dark[0] == PING
    proxy.release()
    assert names(bench, table) == ["a", "b"]


@BOTH
@pytest.mark.parametrize("what", ["CONNECTION", "QUERY"])
def test_a_session_that_is_killed_at_a_statement(
    bench: Bench, table: Table, create: str, what: str
) -> None:
    """It waits for a lock then; done again on another connection, and stored once."""
    drain = warm(bench, table, create, retry=PATIENT)
    first = session_id(drain)
    other = bench.connect()
    run(other, "BEGIN")
    run(other, f"UPDATE {table.name} SET name = 'locked'")  # noqa: S608 - a constant's name
    outcomes: list[Any] = []
    batch = [{"id": n, "name": f"n{n}"} for n in range(3)]
    draining = threading.Thread(target=lambda: outcomes.append(drain(*batch)))
    draining.start()
    eventually(lambda: at_work(bench, first), what="the wait for the lock")
    bench.server.execute(f"KILL {what} {first}")
    run(other, "ROLLBACK")
    draining.join(20)
    assert outcomes[0].stored == [0, 1, 2]
    assert names(bench, table) == ["n0", "n1", "n2"]


def at_work(bench: Bench, number: int) -> bool:
    """Say whether a session has a statement."""
    sql = "SELECT 1 FROM information_schema.PROCESSLIST WHERE ID = %s AND INFO LIKE 'INSERT%%'"
    return bool(bench.server.execute(sql, (number,)))


def once(start: bytes, action: Callable[[], None]) -> Callable[[bytes], Action]:
    """Make a hook that does something before the first query that starts so goes on."""
    met: list[bytes] = []

    def hook(request: bytes) -> Action:
        if not met and request[1:].startswith(start):
            met.append(request)
            action()
        return Action.PASS

    return hook


def test_a_session_that_is_killed_at_commit(bench: Bench, proxy: TcpProxy) -> None:
    """The whole transaction is done again on another connection."""
    drain = warm(bench, ITEMS, ITEMS_TABLE, url=proxy.url(bench.url))
    first = session_id(drain)

    def kill() -> None:
        bench.server.execute(f"KILL {first}")
        eventually(lambda: not alive(bench, first), what="the end of the session")

    proxy.on_request = once(b"COMMIT", kill)
    assert drain({"id": 0, "name": "a"}, {"id": 1, "name": "b"}).stored == [0, 1]
    assert names(bench, ITEMS) == ["a", "b"]
    assert proxy.connections == 2


@BOTH
def test_a_connection_to_a_demoted_writer(
    bench: Bench, server: DatabaseServer, proxy: TcpProxy, table: Table, create: str
) -> None:
    """The name leads to the new writer: a new connection takes writes, in the same call."""
    drain = warm(bench, table, create, url=proxy.url(bench.url), retry=Retry(patience=0.0))
    server.read_only(on=True)
    proxy.on_request = once(b"SET NAMES", lambda: server.read_only(on=False))
    assert drain({"id": 0, "name": "a"}, {"id": 1, "name": "b"}).stored == [0, 1]
    assert names(bench, table) == ["a", "b"]
    assert proxy.connections == 2


@BOTH
def test_a_session_that_turned_read_only(bench: Bench, table: Table, create: str) -> None:
    """The same where the server says it of the transaction (1792)."""
    drain = warm(bench, table, create)
    first = session_id(drain)
    drain.connection.execute("SET SESSION TRANSACTION READ ONLY")
    assert drain({"id": 0, "name": "a"}).stored == [0]
    assert session_id(drain) != first
    assert names(bench, table) == ["a"]


class Function:
    """A function in a process of its own, that can be frozen as Lambda freezes one."""

    def __init__(self, url: str, table: Table, read_timeout: float) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [
                sys.executable,
                Path(__file__).with_name("function_process.py"),
                url,
                table.name,
                table.sequence or "",
                str(read_timeout),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._table = table

    @property
    def _pipes(self) -> tuple[IO[str], IO[str]]:
        given, answers = self._process.stdin, self._process.stdout
        assert given is not None
        assert answers is not None
        return given, answers

    def begin(self, *bodies: dict[str, Any], seconds: float = 30.0) -> None:
        """Invoke it; it has so many seconds."""
        event = sqs_event(*(sent(self._table, body) for body in bodies))
        self._pipes[0].write(json.dumps({"event": event, "seconds": seconds}) + "\n")
        self._pipes[0].flush()

    def held(self) -> dict[str, str]:
        """Wait for its answer: what it holds, and why."""
        line = self._pipes[1].readline()
        assert line, "the function's process has ended"
        return dict(json.loads(line))

    def freeze(self) -> None:
        """Stop it where it is."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it."""
        self._pipes[0].close()
        self.thaw()
        self._process.wait(20)
        self._pipes[1].close()


@pytest.fixture
def function(bench: Bench, proxy: TcpProxy, table: Table, create: str) -> Iterator[Function]:
    """Give a function that has a connection, through the proxy."""
    bench.sql(create)
    function = Function(proxy.url(bench.url), table, read_timeout=20.0)
    function.begin({"id": 0, "name": "warm"})
    assert function.held() == {}
    yield function
    function.close()


def end_sessions(bench: Bench) -> None:
    """Kill the sessions on the test's database, but for the test's own."""
    [(own,)] = bench.sql("SELECT CONNECTION_ID()")
    for number in sessions(bench):
        if number != own:
            bench.server.execute(f"KILL {number}")
    eventually(lambda: sessions(bench) == [own], what="the end of the sessions")


def sessions(bench: Bench) -> list[int]:
    """List the sessions on the test's database."""
    sql = "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = %s"
    return [row[0] for row in bench.server.execute(sql, (bench.name,))]


@BOTH
@pytest.mark.parametrize("how", ["killed", "cut"])
def test_a_function_frozen_between_two_calls(
    bench: Bench, proxy: TcpProxy, function: Function, table: Table, how: str
) -> None:
    """Its connection died meanwhile: the first batch after the thaw is stored."""
    function.freeze()
    if how == "killed":
        end_sessions(bench)
    else:
        proxy.cut()
    function.begin({"id": 0, "name": "a"}, {"id": 1, "name": "b"})
    function.thaw()
    assert function.held() == {}
    assert names(bench, table) == ["a", "b"]


@BOTH
def test_a_function_frozen_at_a_statement(
    bench: Bench, proxy: TcpProxy, function: Function, table: Table
) -> None:
    """Its connection dies meanwhile; with time left it does the batch again and stores it."""
    arrived = threading.Event()

    def stop_there() -> None:
        function.freeze()
        arrived.set()

    proxy.on_request = once(b"INSERT", stop_there)
    function.begin({"id": 0, "name": "a"}, {"id": 1, "name": "b"})
    assert arrived.wait(20)
    end_sessions(bench)
    function.thaw()
    assert function.held() == {}
    assert names(bench, table) == ["a", "b"]


@BOTH
def test_a_function_frozen_beyond_its_time(
    bench: Bench, proxy: TcpProxy, function: Function, table: Table
) -> None:
    """After the thaw it sends no COMMIT: a plain row is as it was, a guarded one the newer."""
    arrived = threading.Event()

    def stop_there() -> None:
        function.freeze()
        arrived.set()

    proxy.on_request = once(b"INSERT", stop_there)
    over = SYSTEM_CLOCK.monotonic() + 2.0
    function.begin({"id": 0, "name": "late"}, seconds=2.0)
    assert arrived.wait(20)
    eventually(lambda: SYSTEM_CLOCK.monotonic() > over, what="the end of the function's time")
    newer = sent(table, {"id": 0, "name": "newer"})
    if table is SEQUENCED:  # the other's statement has its lock until its session ends
        assert bench.drain(table)(newer).stored == [0]
    function.thaw()
    if table is ITEMS:
        assert function.held()
        assert names(bench, table) == ["warm"]
        assert bench.drain(table)(newer).stored == [0]
    else:
        function.held()  # or not: its statement was committed at once, the answer was waiting
    assert proxy.requests.count(b"\x03COMMIT") == (table is ITEMS)  # that of the row before
    assert names(bench, table) == ["newer"]
