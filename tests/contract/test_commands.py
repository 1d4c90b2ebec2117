"""Commands: what one upsert cannot say, on a real database."""

import threading
from collections.abc import Callable
from typing import Any

import pymysql
import pytest
from pydantic import BaseModel
from pymysql.cursors import SSCursor

from durable_ingest import Command, Inbox, MySQL, Reject
from durable_ingest.testing import Action, TcpProxy, eventually
from tests.contract import store_kit
from tests.contract.store_kit import ITEMS, ITEMS_TABLE, Bench, Outcome, run, sent

pytestmark = pytest.mark.database
bench = store_kit.bench
proxy = store_kit.proxy

INBOX = Inbox()


class Add(BaseModel):
    """Adds to a counter."""

    counter: str
    amount: int


def add(cursor: Any, record: Add) -> None:  # noqa: ANN401 - PyMySQL's cursor
    """Apply `Add`."""
    cursor.execute(
        "INSERT INTO counters VALUES (%s, %s) ON DUPLICATE KEY UPDATE total = total + %s",
        (record.counter, record.amount, record.amount),
    )


def command(apply: Callable[[Any, Any], None], name: str = "add") -> Command:
    """Make a command of `Add`."""
    return Command(name, Add, group="counter", apply=apply)


ADD = command(add)


def adding(counter: str, amount: int = 1, contract: Command = ADD) -> dict[str, Any]:
    """Build a message."""
    return sent(contract, {"counter": counter, "amount": amount})


@pytest.fixture(autouse=True)
def tables(bench: Bench) -> None:
    """Make the tables and the inbox."""
    bench.sql(ITEMS_TABLE)
    bench.sql("CREATE TABLE counters (counter VARCHAR(9) PRIMARY KEY, total INT NOT NULL)")
    INBOX.create(MySQL(bench.url))


def totals(bench: Bench) -> dict[str, int]:
    """Read the counters."""
    return dict(bench.sql("SELECT counter, total FROM counters"))


def remembered(bench: Bench) -> int:
    """Count the inbox."""
    return int(bench.sql("SELECT COUNT(*) FROM durable_ingest_inbox")[0][0])


def drained(bench: Bench, apply: Callable[[Any, Any], None], *counters: str) -> Outcome:
    """Drain one message for each counter through a command of this `apply`."""
    contract = command(apply)
    drain = bench.drain(contract, inbox=INBOX)
    return drain(*(adding(counter, contract=contract) for counter in counters))


def test_a_counter_counts_each_message_once(bench: Bench) -> None:
    """However often it is delivered."""
    drain = bench.drain(ADD, inbox=INBOX)
    batch = [adding("a", n) for n in range(1, 5)]
    for _ in range(3):
        assert drain(*batch).stored == [0, 1, 2, 3]
    assert totals(bench) == {"a": 10}


def test_commands_and_tables_in_one_batch_keep_their_order(bench: Bench) -> None:
    """What a command reads is what came before it."""

    def copy(cursor: Any, record: Add) -> None:  # noqa: ANN401
        cursor.execute("SELECT name FROM items WHERE id = %s", (record.amount,))
        (name,) = cursor.fetchone()
        cursor.execute("INSERT INTO counters VALUES (%s, LENGTH(%s))", (record.counter, name))

    contract = command(copy)
    drain = bench.drain(ITEMS, contract, inbox=INBOX)
    outcome = drain(
        sent(ITEMS, {"id": 1, "name": "a"}, group="g"),
        sent(contract, {"counter": "first", "amount": 1}, group="g"),
        sent(ITEMS, {"id": 1, "name": "aaa"}, group="g"),
        sent(contract, {"counter": "second", "amount": 1}, group="g"),
    )
    assert outcome.stored == [0, 1, 2, 3]
    assert totals(bench) == {"first": 1, "second": 3}


def test_a_reject_is_dead_lettered_with_its_reason(bench: Bench) -> None:
    """What it did before it is undone, and the others go on."""

    def refuse(cursor: Any, record: Add) -> None:  # noqa: ANN401
        add(cursor, record)
        if record.counter == "bad":
            raise Reject("the order is closed")

    outcome = drained(bench, refuse, "a", "bad", "b")
    assert outcome.stored == [0, 2]
    assert outcome.dead[1]["reason"] == "the order is closed"
    assert totals(bench) == {"a": 1, "b": 1}
    assert remembered(bench) == 2


def test_a_bug_holds_its_message_alone(bench: Bench) -> None:
    """Nothing is lost; the text names the place, not what the exception says."""

    def broken(cursor: Any, record: Add) -> None:  # noqa: ANN401
        add(cursor, record)
        if record.counter == "bad":
            raise KeyError("secret")

    outcome = drained(bench, broken, "a", "bad", "b")
    assert outcome.stored == [0, 2]
    assert "KeyError at test_commands.py:" in outcome.held[1]
    assert "secret" not in outcome.held[1]
    assert totals(bench) == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    "escape",
    [
        lambda cursor: cursor.execute("COMMIT"),
        lambda cursor: cursor.execute("  /* so */ -- there\n ROLLBACK"),
        lambda cursor: cursor.execute("/*! COMMIT */"),
        lambda cursor: cursor.execute("START TRANSACTION"),
        lambda cursor: cursor.execute("SET autocommit = 1"),
        lambda cursor: cursor.execute("CREATE TABLE t (i INT)"),
        lambda cursor: cursor.execute("TRUNCATE counters"),
        lambda cursor: cursor.execute("CALL something()"),
        lambda cursor: cursor.callproc("something"),
        lambda cursor: cursor.connection.commit(),
        lambda cursor: cursor.connection.rollback(),
        lambda cursor: cursor.connection.begin(),
        lambda cursor: cursor.connection.autocommit(value=True),
        lambda cursor: cursor.connection.select_db("mysql"),
    ],
)
@pytest.mark.parametrize("swallowed", [False, True])
def test_a_command_cannot_end_its_transaction(
    bench: Bench,
    escape: Callable[[Any], None],
    swallowed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """It is held, whether it takes notice or not."""

    def escaping(cursor: Any, record: Add) -> None:  # noqa: ANN401
        add(cursor, record)
        if record.counter != "bad":
            return
        try:
            escape(cursor)
        except pymysql.Error:
            if not swallowed:
                raise

    outcome = drained(bench, escaping, "a", "bad", "b")
    assert outcome.stored == [0, 2]
    assert "could end its transaction" in outcome.held[1]
    assert totals(bench) == {"a": 1, "b": 1}
    assert remembered(bench) == 2


@pytest.mark.parametrize(
    ("misuse", "problem"),
    [
        (lambda cursor: cursor.connection.close(), "closed the connection"),
        (lambda cursor: cursor.connection.cursor(SSCursor).execute("SELECT 1"), "unbuffered"),
    ],
)
def test_a_misused_connection(bench: Bench, misuse: Callable[[Any], None], problem: str) -> None:
    """The command's message is held as one to be mended; its neighbours are written."""

    def misusing(cursor: Any, record: Add) -> None:  # noqa: ANN401
        add(cursor, record)
        if record.counter == "bad":
            misuse(cursor)

    outcome = drained(bench, misusing, "a", "bad", "b")
    assert outcome.stored == [0, 2]
    assert problem in outcome.held[1]
    assert totals(bench) == {"a": 1, "b": 1}


def test_what_a_command_keeps_is_of_no_use_after_it(bench: Bench) -> None:
    """Nothing is committed, or written, behind the drainer's back."""
    kept: list[Any] = []

    def keeping(cursor: Any, record: Add) -> None:  # noqa: ANN401
        kept.append(cursor.connection)
        add(cursor, record)

    assert drained(bench, keeping, "a").stored == [0]
    for use in (kept[0].commit, kept[0].cursor().execute):
        with pytest.raises(pymysql.NotSupportedError):
            use(*["SELECT 1"][: use != kept[0].commit])


def test_a_command_that_changes_its_record(bench: Bench) -> None:
    """Starts from the message again where it runs again."""
    runs = 0

    def doubling(cursor: Any, record: Add) -> None:  # noqa: ANN401
        nonlocal runs
        runs += record.counter == "a"
        record.amount *= 2
        if record.counter == "bad":
            raise Reject("bad")
        add(cursor, record)

    assert drained(bench, doubling, "a", "bad").stored == [0]
    assert runs > 1
    assert totals(bench) == {"a": 2}


def test_an_interrupted_command_is_not_taken_for_done(bench: Bench) -> None:
    """Its transaction is given up with its session."""
    interrupts = iter([KeyboardInterrupt])

    def interrupted(cursor: Any, record: Add) -> None:  # noqa: ANN401
        add(cursor, record)
        for interrupt in interrupts:
            raise interrupt

    contract = command(interrupted)
    drain = bench.drain(contract, inbox=INBOX)
    message = adding("a", contract=contract)
    with pytest.raises(KeyboardInterrupt):
        drain(message)
    assert drain(message).stored == [0]
    assert totals(bench) == {"a": 1}


def test_a_command_that_hangs_waits_alone(bench: Bench) -> None:
    """From the next delivery on: the others are written first, and it comes last, alone."""

    def hanging(cursor: Any, record: Add) -> None:  # noqa: ANN401
        if record.counter == "bad":
            cursor.execute("DO SLEEP(2)")
        add(cursor, record)

    contract = command(hanging)
    drain = bench.drain(contract, inbox=INBOX, read_timeout=1.5)
    batch = [adding(name, contract=contract) for name in ("a", "bad", "b")]
    assert drain(*batch).faults[1] == "unknown 2013"
    eventually(lambda: drain(*batch).stored == [0, 2], within=20.0)
    assert totals(bench) == {"a": 1, "b": 1}


def test_a_connection_killed_under_a_command_holds_nothing(bench: Bench) -> None:
    """It runs again on another one."""
    kills = iter([True])

    def unlucky(cursor: Any, record: Add) -> None:  # noqa: ANN401
        add(cursor, record)
        if next(kills, False):
            cursor.execute("SELECT CONNECTION_ID()")
            bench.server.execute(f"KILL {cursor.fetchone()[0]}")
            cursor.execute("SELECT 1")

    assert drained(bench, unlucky, "a", "b").stored == [0, 1]
    assert totals(bench) == {"a": 1, "b": 1}


def test_a_reject_takes_an_exception_for_its_text(bench: Bench) -> None:
    """As `raise Reject(error)` is soon written."""

    def refuse(_: Any, record: Add) -> None:  # noqa: ANN401
        raise Reject(ValueError(f"no {record.counter}"))

    assert drained(bench, refuse, "a").dead[0]["reason"] == "no a"


def test_a_missing_right_of_a_command_is_its_own(bench: Bench) -> None:
    """The remedy names the command, not the inbox."""
    outcome = drained(bench, lambda cursor, _: cursor.execute("SELECT * FROM mysql.user"), "a")
    assert "what the statements of 'add' need" in outcome.held[0]


def test_a_swallowed_deadlock_is_noticed(bench: Bench) -> None:
    """The server has rolled everything back: what comes after it may not be committed alone."""
    bench.sql("INSERT INTO counters VALUES ('x', 0), ('y', 0), ('z', 0)")
    other = bench.connect()
    waiting = threading.Event()
    deadlocks: list[int] = []

    def rival() -> None:
        run(other, "UPDATE counters SET total = 100 WHERE counter = 'x'")

    def careless(cursor: Any, record: Add) -> None:  # noqa: ANN401
        if deadlocks:
            return add(cursor, record)
        cursor.execute("UPDATE counters SET total = total + 1 WHERE counter = 'x'")
        # The rival has changed more, so that the server chooses this transaction to roll back.
        thread = threading.Thread(target=rival)
        thread.start()
        waiting.wait(0.2)
        try:
            cursor.execute("UPDATE counters SET total = total + 1 WHERE counter = 'y'")
        except pymysql.OperationalError as error:
            deadlocks.append(error.args[0])
        thread.join(10)
        run(other, "ROLLBACK")
        return add(cursor, record)

    run(other, "BEGIN")
    run(other, "UPDATE counters SET total = 100 WHERE counter IN ('y', 'z')")
    run(other, "INSERT INTO counters VALUES ('q', 1), ('r', 1), ('s', 1), ('t', 1)")
    assert drained(bench, careless, "a").stored == [0]
    assert deadlocks == [1213]
    assert totals(bench) == {"a": 1, "x": 0, "y": 0, "z": 0}
    assert remembered(bench) == 1


def test_a_transaction_that_ends_without_an_error(bench: Bench) -> None:
    """As a patched server may end it: nothing is committed without its place in the inbox."""
    ends = iter([True])

    def unlucky(cursor: Any, record: Add) -> None:  # noqa: ANN401
        if next(ends, False):
            with cursor.connection.own():
                cursor.connection.rollback()
        add(cursor, record)

    assert drained(bench, unlucky, "a").stored == [0]
    assert totals(bench) == {"a": 1}
    assert remembered(bench) == 1


def test_an_unknown_error_of_a_command_proves_nothing(bench: Bench) -> None:
    """Another record may have taken another way: it is held between two that succeed."""

    def signalling(cursor: Any, record: Add) -> None:  # noqa: ANN401
        if record.counter == "bad":
            cursor.execute("INSERT INTO signals VALUES (1)")
        add(cursor, record)

    bench.sql("CREATE TABLE signals (i INT)")
    bench.sql(
        "CREATE TRIGGER signals_fail BEFORE INSERT ON signals FOR EACH ROW"
        " SIGNAL SQLSTATE '99999' SET MYSQL_ERRNO = 31999"
    )
    outcome = drained(bench, signalling, "a", "bad", "b")
    assert outcome.faults == {1: "unknown 31999"}
    assert outcome.stored == [0, 2]


def test_a_rejects_reason_stays_out_of_the_log(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """It may hold what customers have written."""

    def refuse(_: Any, record: Add) -> None:  # noqa: ANN401
        raise Reject(f"not {record.counter}")

    assert drained(bench, refuse, "secret").dead[0]["reason"] == "not secret"
    assert "add rejects it" in caplog.text
    assert "secret" not in caplog.text


def test_an_error_that_a_command_expects(bench: Bench) -> None:
    """A statement that failed has changed nothing; the command goes on."""

    def once(cursor: Any, record: Add) -> None:  # noqa: ANN401
        try:
            cursor.execute("INSERT INTO counters VALUES (%s, 1)", (record.counter,))
        except pymysql.IntegrityError:
            cursor.execute("UPDATE counters SET total = total + 10")

    assert drained(bench, once, "a", "a").stored == [0, 1]
    assert totals(bench) == {"a": 11}


def test_a_swallowed_lock_wait_does_not_pass(bench: Bench) -> None:
    """The message is held; what it did before is undone."""
    bench.sql("INSERT INTO counters VALUES ('locked', 0)")
    other = bench.connect()
    run(other, "BEGIN")
    run(other, "UPDATE counters SET total = 1 WHERE counter = 'locked'")

    def careless(cursor: Any, record: Add) -> None:  # noqa: ANN401
        add(cursor, record)
        try:
            cursor.execute("UPDATE counters SET total = 2 WHERE counter = 'locked'")
        except pymysql.Error:
            return

    outcome = drained(bench, careless, "a")
    assert outcome.faults == {0: "contended 1205"}
    run(other, "ROLLBACK")
    assert totals(bench) == {"locked": 0}
    assert remembered(bench) == 0


def test_a_wrong_call_of_pymysql_is_a_bug(bench: Bench) -> None:
    """Not an outage."""
    outcome = drained(bench, lambda cursor, _: cursor.execute("SELECT %s, %s", (1,)), "a")
    assert outcome.faults == {0: "misconfigured"}


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("INSERT INTO counters VALUES ('much too long', 1)", "rejected 1406"),
        ("INSERT INTO nowhere VALUES (1)", "misconfigured 1146"),
        ("INSERT INTO counters VALUE", "misconfigured 1064"),
    ],
)
def test_errors_of_its_statements_mean_what_they_mean(bench: Bench, sql: str, fault: str) -> None:
    """As for tables."""
    assert drained(bench, lambda cursor, _: cursor.execute(sql), "a").faults == {0: fault}


def test_a_lost_answer_to_commit_does_not_count_twice(bench: Bench, proxy: TcpProxy) -> None:
    """The inbox shows that it took place."""
    cuts = iter([Action.CUT_ANSWER])
    proxy.on_request = lambda request: (
        next(cuts, Action.PASS) if request == b"\x03COMMIT" else Action.PASS
    )
    drain = bench.drain(ADD, inbox=INBOX, url=proxy.url(bench.url))
    assert drain(adding("a"), adding("b")).stored == [0, 1]
    assert next(cuts, None) is None
    assert totals(bench) == {"a": 1, "b": 1}


def test_four_drainers_given_the_same_batch_at_once(bench: Bench) -> None:
    """Each effect happens once, and whoever held it finds it done."""
    batch = [adding(f"c{n % 3}", 1) for n in range(10)]
    drains = [bench.drain(ADD, inbox=INBOX) for _ in range(4)]
    together = threading.Barrier(4)
    held: list[set[int]] = []

    def work(drain: Callable[..., Outcome]) -> None:
        together.wait(10)
        held.append(set(drain(*batch).held))

    threads = [threading.Thread(target=work, args=(drain,)) for drain in drains]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(held) == 4
    assert drains[0](*batch).stored == list(range(10))
    assert totals(bench) == {"c0": 4, "c1": 3, "c2": 3}
    assert remembered(bench) == 10
