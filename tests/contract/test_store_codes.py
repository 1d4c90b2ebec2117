"""Every known error code, said by a real server to the shipped drainer, and settled as designed.

A trigger says them: SIGNAL with MYSQL_ERRNO makes the server send any code, where the fault itself
would need a full disk or a broken file.
"""

import pytest

from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.mysql.codes import CLIENT_CODES, CODES
from durable_ingest.rows import Fault
from tests.contract import store_kit
from tests.contract.store_kit import ITEMS, ITEMS_TABLE, Bench, Outcome, sent

pytestmark = pytest.mark.database
bench = store_kit.bench
TRIGGER = (
    "CREATE TRIGGER refuse BEFORE INSERT ON items FOR EACH ROW IF NEW.name LIKE 'code %' THEN"
    " BEGIN DECLARE n INT; SET n = SUBSTR(NEW.name, 6);"
    " SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = n; END; END IF"
)
PLACE = 2
SIX_HOURS_AND_MORE = 6 * 3600 + 60


def known(fault: Fault) -> list[int]:
    """Give the codes of a fault that a server says."""
    return [code for code in CODES[fault] if code and code not in CLIENT_CODES]


class Codes:
    """A drainer of a table whose trigger says the code that a row's name holds."""

    def __init__(self, bench: Bench) -> None:
        bench.sql(ITEMS_TABLE)
        bench.sql(TRIGGER)
        self.drain = bench.drain(ITEMS)

    def __call__(self, code: int, **settings: int) -> Outcome:
        """Drain five messages, the one in the middle with a code."""
        names = {n: f"code {code}" if n == PLACE else f"for {code}" for n in range(5)}
        rows = [{"id": n, "name": name} for n, name in names.items()]
        return self.drain(*(sent(ITEMS, row, **settings) for row in rows))


@pytest.fixture
def codes(bench: Bench) -> Codes:
    """Give a drainer that meets codes."""
    return Codes(bench)


ALL = {0, 1, 2, 3, 4}
REST = [0, 1, 3, 4]


def test_an_outage_holds_all_or_the_row_that_causes_it(codes: Codes) -> None:
    """Nothing is dead-lettered; what a row can bring about by itself holds up no other."""
    alone = set()
    for code in known(Fault.UNAVAILABLE):
        outcome = codes(code)
        assert not outcome.dead, code
        assert outcome.faults[PLACE] == f"unavailable {code}"
        if outcome.held.keys() == {PLACE}:
            alone.add(code)
        else:
            assert outcome.held.keys() == ALL, code
    assert alone == {1038, 1105, 1317, 1927, 1969, 3024, 4031, 4082}


def test_a_lock_holds_its_own_message(codes: Codes) -> None:
    """However often it was repeated; the others are stored."""
    for code in known(Fault.CONTENDED):
        outcome = codes(code)
        assert (outcome.stored, outcome.faults) == (REST, {PLACE: f"contended {code}"})


def test_a_refused_row_is_dead_lettered(codes: Codes) -> None:
    """It alone, with its code."""
    for code in known(Fault.REJECTED):
        outcome = codes(code)
        assert (outcome.stored, list(outcome.dead)) == (REST, [PLACE])
        assert (outcome.dead[PLACE]["fault"], outcome.dead[PLACE]["code"]) == ("rejected", code)


def test_a_dependent_row_waits_for_six_hours(codes: Codes) -> None:
    """It alone; after that it is dead-lettered."""
    long_ago = int((SYSTEM_CLOCK.now() - SIX_HOURS_AND_MORE) * 1000)
    for code in known(Fault.DEPENDENT):
        outcome = codes(code)
        assert (outcome.stored, outcome.faults) == (REST, {PLACE: f"dependent {code}"})
        assert list(outcome.held) == [PLACE]
        assert list(codes(code, first_received=long_ago).dead) == [PLACE]


def test_a_wrong_set_up_holds_its_table(codes: Codes) -> None:
    """And says why; nothing is dead-lettered, however old."""
    long_ago = int((SYSTEM_CLOCK.now() - SIX_HOURS_AND_MORE) * 1000)
    for code in known(Fault.MISCONFIGURED):
        outcome = codes(code, first_received=long_ago)
        assert not outcome.dead, code
        assert outcome.faults == dict.fromkeys(ALL, f"misconfigured {code}")


def test_an_unknown_error_goes_by_evidence(bench: Bench) -> None:
    """First on its connection it is held; between rows that are stored it is the row's."""
    codes = Codes(bench)
    for code in [9999, *known(Fault.UNKNOWN)]:
        codes.drain = bench.drain(ITEMS)
        first = codes.drain({"id": PLACE, "name": f"code {code}"}, {"id": 1, "name": "x"})
        assert (first.stored, first.faults) == ([1], {0: f"unknown {code}"})
        outcome = codes(code)
        assert (outcome.stored, list(outcome.dead)) == (REST, [PLACE])
        assert (outcome.dead[PLACE]["fault"], outcome.dead[PLACE]["code"]) == ("rejected", code)
