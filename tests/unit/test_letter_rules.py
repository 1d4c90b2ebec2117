"""Which dead letters are meant, and which may go back."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel, model_validator

from durable_ingest import Table
from durable_ingest.contract import contracts_by_name
from durable_ingest.letter import Letter
from durable_ingest.letter_rules import Wanted, contract_of, objection
from tests.letters_kit import COMMAND, CONTRACTS, PLAIN, SEQUENCE, VERSION

KNOWN = contracts_by_name(CONTRACTS)
ROW = '{"item_id":1,"revision":1}'


def letter(body: str = ROW, *, moved: bool = False, **attributes: str) -> Letter:
    """Make a letter; attributes have "_" for "."."""
    return Letter(
        id="letter",
        receipt_handle="h",
        body=body,
        group_id="g",
        origin="first",
        dead_since=0.0,
        moved=moved,
        attributes={
            name.replace("_", "."): {"DataType": "String", "StringValue": value}
            for name, value in attributes.items()
        },
    )


@pytest.mark.parametrize(
    ("contract", "more", "part"),
    [
        (PLAIN, {}, "would replace newer rows"),
        (PLAIN, {"ingest_sequence": "5"}, "would replace newer rows"),
        (SEQUENCE, {"ingest_sequence": "5"}, None),
        (SEQUENCE, {"ingest_sequence": "0"}, None),
        (SEQUENCE, {}, "lost its first sequence number"),
        (SEQUENCE, {"ingest_sequence": "5x"}, "lost its first sequence number"),
        (VERSION, {}, None),
        (COMMAND, {}, None),
    ],
)
def test_what_no_guard_or_inbox_covers_stays(
    contract: Any,  # noqa: ANN401
    more: Any,  # noqa: ANN401
    part: str | None,
) -> None:
    """Unless it is told to go."""
    given = letter(ingest_name=contract.name, **more)
    said = objection(given, KNOWN)
    assert said is None if part is None else part in (said or "")
    assert objection(given, KNOWN, unordered=True) is None


@pytest.mark.parametrize(
    ("given", "part"),
    [
        (letter(ingest_name="other"), "names the contract 'other'"),
        (letter(), "names no contract"),
        (letter("no JSON", ingest_name="version"), "not JSON"),
        (letter('{"item_id":"x"}', ingest_name="version"), "fails the model"),
        (letter(ROW[:-1] + ',"new":1}', ingest_name="version"), "new"),
    ],
)
def test_what_the_drainer_cannot_read_stays(given: Letter, part: str) -> None:
    """Also where everything else is to go: it would be held in front of its group."""
    for unordered in (False, True):
        said = objection(given, KNOWN, unordered=unordered)
        assert said is not None
        assert said.startswith("the drainer cannot read it: ")
        assert part in said


def test_a_model_that_raises() -> None:
    """Whatever it is, its text may be a row's."""

    class Odd(BaseModel):
        item_id: int

        @model_validator(mode="after")
        def fail(self) -> "Odd":
            raise KeyError(self.item_id)

    table = Table("odd", Odd, key="item_id")
    said = objection(letter('{"item_id":12345}'), {"odd": table})
    assert said == "the drainer cannot read it: the model's validation raised KeyError"


def test_a_model_that_raises_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """One letter ends no run."""

    def raising(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("durable_ingest.letter_rules.row_of", raising)
    said = objection(letter(), KNOWN)
    assert said == "the drainer cannot read it: the model raised ZeroDivisionError"


def test_a_message_of_a_standard_queue_needs_a_version() -> None:
    """Its copy's group is its own message id."""
    for contract, goes in ((VERSION, True), (COMMAND, False)):
        whole = '{"item_id":1,"note":"","revision":1}'
        groupless = replace(letter(whole, ingest_name=contract.name), group_id="first")
        assert (objection(groupless, KNOWN) is None) == goes


def test_a_contract_need_not_be_named_where_there_is_one() -> None:
    """As for the drainer."""
    assert contract_of(letter(), {"version": VERSION}) == "version"
    assert contract_of(letter(ingest_name="x"), {"version": VERSION}) == "x"
    assert contract_of(letter(), KNOWN) is None
    assert objection(letter(), {"version": VERSION}) is None


@pytest.mark.parametrize(
    ("wanted", "takes"),
    [
        (Wanted(), True),
        (Wanted(contracts=frozenset(["version", "x"])), True),
        (Wanted(contracts=frozenset(["x"])), False),
        (Wanted(faults=frozenset(["moved"])), True),
        (Wanted(faults=frozenset(["rejected"])), False),
        (Wanted(ids=frozenset(["letter"])), True),
        (Wanted(ids=frozenset(["first"])), True),
        (Wanted(ids=frozenset(["None"])), False),
        (Wanted(contracts=frozenset(["version"]), faults=frozenset(["rejected"])), False),
    ],
)
def test_filters(wanted: Wanted, takes: bool) -> None:  # noqa: FBT001 - a table's column
    """A letter fits all of them."""
    assert wanted.takes(letter(moved=True), "version") == takes
