"""An error of no known kind: the row is to blame only where the server proves it."""

import pytest

from durable_ingest.testing import TcpProxy
from durable_ingest.testing.proxy import Action
from tests.contract import store_kit
from tests.contract.store_kit import (
    ITEMS,
    ITEMS_TABLE,
    SEQUENCED,
    SEQUENCED_TABLE,
    VERSIONED,
    VERSIONED_TABLE,
    Bench,
    sent,
)

pytestmark = pytest.mark.database
bench = store_kit.bench
proxy = store_kit.proxy


def refuse(bench: Bench, condition: str, table: str = "items") -> None:
    """Let a trigger raise an error of no known kind where a row meets a condition.

    In it, @n counts the rows that this session has tried to write, @bad those named "bad".
    """
    bench.sql(
        f"CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW BEGIN"
        " SET @n = IFNULL(@n, 0) + 1, @bad = IFNULL(@bad, 0) + (NEW.name = 'bad');"
        f" IF {condition} THEN SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 9999; END IF; END"
    )


def batch(names: str) -> list[dict[str, object]]:
    """Give one message for each letter, b for a bad one."""
    return [{"id": n, "name": "bad" if name == "b" else name} for n, name in enumerate(names)]


@pytest.mark.parametrize(
    ("names", "held", "dead"),
    [
        ("b", {0}, set()),
        ("bxxxx", {0}, set()),
        ("xxxxb", {4}, set()),
        ("bbbbb", {0, 1, 2, 3, 4}, set()),
        ("bxxxb", {0, 4}, set()),
        ("bxbxb", {0, 4}, {2}),
        ("xbbx", set(), {1, 2}),
        ("xbxbxbx", set(), {1, 3, 5}),
        ("bbxbbxbb", {0, 1, 6, 7}, {3, 4}),
    ],
)
def test_a_row_is_rejected_only_between_rows_that_are_stored(
    bench: Bench, names: str, held: set[int], dead: set[int]
) -> None:
    """Whatever stands beside it; the good rows are stored."""
    bench.sql(ITEMS_TABLE)
    refuse(bench, "NEW.name = 'bad'")
    outcome = bench.drain(ITEMS)(*batch(names))
    assert (set(outcome.held), set(outcome.dead)) == (held, dead)
    assert outcome.stored == [n for n, name in enumerate(names) if name != "b"]


@pytest.mark.parametrize("names", ["sbx", "xbs", "sbs", "ssbssx"])
def test_a_stale_row_proves_nothing(bench: Bench, names: str) -> None:
    """It changed nothing, so nothing was tried."""
    bench.sql(SEQUENCED_TABLE)
    newest = {"id": 99, "name": "newest"}
    bench.drain(SEQUENCED)(sent(SEQUENCED, newest, sequence=9))
    refuse(bench, "NEW.name = 'bad'", "sequenced")
    messages = [
        sent(SEQUENCED, newest | {"name": "stale"}, sequence=8)
        if name == "s"
        else sent(SEQUENCED, {"id": n, "name": "bad" if name == "b" else "good"}, sequence=n + 1)
        for n, name in enumerate(names)
    ]
    outcome = bench.drain(SEQUENCED)(*messages)
    assert outcome.held.keys() == {names.index("b")}
    assert not outcome.dead


def test_rows_of_another_table_prove_nothing(bench: Bench) -> None:
    """The fault may be the table's."""
    bench.sql(ITEMS_TABLE)
    bench.sql(VERSIONED_TABLE)
    refuse(bench, "TRUE")
    good = [sent(VERSIONED, {"id": n, "name": "good", "v": 1}) for n in range(2)]
    outcome = bench.drain(ITEMS, VERSIONED)(good[0], sent(ITEMS, {"id": 1, "name": "x"}), good[1])
    assert (outcome.stored, outcome.faults) == ([0, 2], {1: "unknown 9999"})


class Cut:
    """Cuts the connection once, at the n-th request that holds a word and not another."""

    def __init__(self, proxy: TcpProxy, word: bytes, without: bytes = b"-", at: int = 1) -> None:
        self.word, self.without, self.left = word, without, at
        proxy.on_request = self

    def __call__(self, request: bytes) -> Action:
        """Decide about a request."""
        if self.word not in request or self.without in request or not self.left:
            return Action.PASS
        self.left -= 1
        return Action.PASS if self.left else Action.CUT


@pytest.mark.parametrize("names", ["xxb", "xbxx"])
def test_rows_on_another_connection_prove_nothing(
    bench: Bench, proxy: TcpProxy, names: str
) -> None:
    """Between them lies an outage, and whatever was mended in it."""
    bench.sql(ITEMS_TABLE)
    refuse(bench, "NEW.name = 'bad'")
    cut = Cut(proxy, b"later", without=b"bad")
    drain = bench.drain(ITEMS, url=proxy.url(bench.url))
    later = [{"id": 10 + n, "name": "later"} for n in range(len(names))]
    outcome = drain(*batch(names), *later)
    assert cut.left == 0
    assert outcome.faults == {names.index("b"): "unknown 9999"}
    assert len(outcome.stored) == 2 * len(names) - 1
    tried = [request for request in proxy.requests if b"bad" in request]
    assert len(tried) == 5  # and no more once the connection was another


def test_an_error_met_again_on_another_connection_proves_nothing(
    bench: Bench, proxy: TcpProxy
) -> None:
    """The connection is lost when the row is tried for the last time."""
    bench.sql(ITEMS_TABLE)
    refuse(bench, "NEW.name = 'bad'")
    cut = Cut(proxy, b"bad", at=5)
    drain = bench.drain(ITEMS, url=proxy.url(bench.url))
    outcome = drain(*batch("xbxx"))
    assert cut.left == 0
    assert (outcome.stored, outcome.faults) == ([0, 2, 3], {1: "unknown 9999"})


def test_another_error_afterwards_proves_nothing(bench: Bench) -> None:
    """It has to be the same."""
    bench.sql(ITEMS_TABLE)
    bench.sql(
        "CREATE TRIGGER refuse BEFORE INSERT ON items FOR EACH ROW IF NEW.name = 'bad' THEN BEGIN"
        " DECLARE n INT; SET @bad = IFNULL(@bad, 0) + 1, n = IF(@bad < 5, 9999, 9998);"
        " SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = n; END; END IF"
    )
    outcome = bench.drain(ITEMS)(*batch("xbxx"))
    assert (outcome.stored, outcome.faults) == ([0, 2, 3], {1: "unknown 9999"})


@pytest.mark.parametrize("every", range(2, 12))
def test_an_error_that_comes_and_goes_rejects_nothing(bench: Bench, every: int) -> None:
    """It hits a row by its turn, not by what it holds."""
    bench.sql(ITEMS_TABLE)
    refuse(bench, f"@n % {every} = 0")
    drain = bench.drain(ITEMS)
    for _ in range(5):
        assert not drain(*batch("xxxxxxxxxx")).dead


@pytest.mark.parametrize("times", range(1, 7))
def test_an_error_that_ends_rejects_nothing(bench: Bench, times: int) -> None:
    """Met in ten rows, in five, in two, alone and once more, it has to be met after the others."""
    bench.sql(ITEMS_TABLE)
    refuse(bench, f"NEW.name = 'bad' AND @bad <= {times}")
    drain = bench.drain(ITEMS)
    later = {"id": 5, "name": "newer"}
    outcome = drain(*batch("xxxxxbxxx"), later)
    ended = times < 6
    assert outcome.stored == [n for n in range(10) if ended or n != 5]
    assert list(outcome.dead) == ([] if ended else [5])
    assert bench.sql("SELECT COUNT(*), MAX(name) FROM items WHERE id = 5") == [(1, "newer")]
