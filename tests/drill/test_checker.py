"""The drill's checker tells each way in which a write can go wrong."""

import pytest

from drill.checker import DeadLetter, Finding, Verdict, check
from tests.drill.history import customer, request

HISTORY = [request("a", 1), request("b", 1), request("a", 2), request("a", 3)]
TABLE = [customer("a", 3), customer("b", 1)]


def test_everything_in_its_place_passes() -> None:
    """The latest acknowledged value of each customer is there."""
    verdict = check(HISTORY, TABLE)
    assert verdict == Verdict(requests=4, acknowledged=4, refused=0)
    assert verdict.passed
    assert verdict.problems() == []


def test_a_planted_loss_is_told() -> None:
    """A customer was acknowledged and has no row."""
    verdict = check(HISTORY, TABLE[:1])
    assert verdict.lost == [Finding("b", acknowledged=1, stored=None)]
    assert verdict.problems() == ["1 customers lost: acknowledged, and no row"]


def test_a_planted_older_row_is_told() -> None:
    """The row is an acknowledged value, but not the last."""
    verdict = check(HISTORY, [customer("a", 2), customer("b", 1)])
    assert verdict.older == [Finding("a", acknowledged=3, stored=2)]
    assert verdict.problems() == ["1 customers older than their last acknowledged write"]


@pytest.mark.parametrize("name", ["a", "stranger"])
def test_a_row_that_was_never_sent_is_told(name: str) -> None:
    """A known customer's or a stranger's."""
    verdict = check(HISTORY, [*TABLE, customer(name, 9)])
    assert [(found.customer_id, found.stored) for found in verdict.altered] == [(name, 9)]
    assert not verdict.passed


def test_a_row_with_the_right_revision_and_other_content_is_told() -> None:
    """The revision alone proves nothing."""
    garbled = customer("a", 3).__class__("a", 3, "a@example.com", "a ?")
    assert check(HISTORY, [garbled, customer("b", 1)]).altered == [Finding("a", 3, 3)]


def test_a_dead_letter_is_told() -> None:
    """Also where the table is right."""
    letter = DeadLetter('{"customer_id": "a"}', "too long")
    verdict = check(HISTORY, TABLE, [letter])
    assert verdict.dead_lettered == [letter]
    assert verdict.problems() == ["1 messages dead-lettered"]


def test_messages_left_in_the_queue_are_told() -> None:
    """The catch-up was not finished."""
    assert check(HISTORY, TABLE, left_in_queue=3).problems() == ["3 messages still in the queue"]


@pytest.mark.parametrize("stored", [1, 2])
def test_a_later_unacknowledged_write_may_be_there_or_not(stored: int) -> None:
    """Its client cannot know; it is counted as refused."""
    verdict = check([request("a", 1), request("a", 2, status=503)], [customer("a", stored)])
    assert verdict.passed
    assert (verdict.acknowledged, verdict.refused) == (1, 1)


def test_an_unacknowledged_write_before_the_last_acknowledged_one_is_older() -> None:
    """It cannot stand for a later write that was acknowledged."""
    verdict = check([request("a", 1, status=503), request("a", 2)], [customer("a", 1)])
    assert verdict.older == [Finding("a", acknowledged=2, stored=1)]


@pytest.mark.parametrize("rows", [[], [customer("b", 1)]])
def test_a_customer_without_any_acknowledgement_may_be_absent(rows: list[object]) -> None:
    """Neither its row nor the lack of one is a fault."""
    verdict = check([request("a", 1), request("b", 1, status=503)], [customer("a", 1), *rows])  # type: ignore[list-item]
    assert verdict.passed


def test_a_drill_without_acknowledgements_proves_nothing() -> None:
    """Not even if nothing is lost."""
    verdict = check([request("a", 1, status=503)], [])
    assert verdict.problems() == ["no request was acknowledged"]


def test_what_the_caller_found_unproven_fails() -> None:
    """As where no write met the outage."""
    assert check(HISTORY, TABLE, unproven=["no outage"]).problems() == ["no outage"]


def test_a_verdict_as_json_says_first_whether_it_passed() -> None:
    """Findings are objects with names."""
    told = check(HISTORY, TABLE[:1]).as_json()
    assert next(iter(told.items())) == ("passed", False)
    assert told["lost"] == [{"customer_id": "b", "acknowledged": 1, "stored": None}]
