"""Any event at all: the drainer reads it whole, or says that it cannot, and loses nothing."""

import copy
import json
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, JsonValue

from durable_ingest import Drainer, Table
from durable_ingest.errors import BatchHeldError, ForeignEventError
from durable_ingest.mysql.values import UnstorableError, row_literals
from durable_ingest.rows import Fault, Refusal, Row
from durable_ingest.testing import sqs_record
from tests.model_database import DEAD_LETTERS, ModelDatabase, ModelSqs
from tests.virtual_clock import VirtualClock


class Inner(BaseModel):
    """A nested value."""

    text: str = ""
    more: "Inner | None" = None


class Thing(BaseModel):
    """A row of many types."""

    id: int
    name: str = ""
    price: Decimal = Decimal(0)
    tags: list[str] = []
    counts: dict[str, int] = {}
    inner: Inner | None = None
    anything: JsonValue = None
    version: int


THINGS = Table("things", Thing, key="id", version="version")
PLAIN = Table("plain", Thing, key="id", sequence="ingest_sequence")

_texts = st.text(max_size=8) | st.sampled_from(
    [
        "things",
        "plain",
        "1",
        "9" * 40,
        "9" * 5000,
        "-1",
        "1e400",
        "nan",
        "\ud800",
        "\x00",
        "x" * 300,
    ]
)
_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -(10**400), 2**63, 1e308, float("inf"), float("nan")]),
    st.floats(),
    _texts,
)
_json = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=8,
)
_fields = [name for name in Thing.model_fields if name not in ("id", "version")]
_names = st.sampled_from([*Thing.model_fields, *_fields * 3, "unknown", "\x00", "\ud800"])
_objects = st.dictionaries(_names, _json, max_size=9).map(json.dumps)
_nearly_good = st.dictionaries(st.sampled_from(_fields), _json, max_size=2).map(
    lambda values: json.dumps({"id": 1, "version": 1} | values)
)


@st.composite
def _doubled(draw: st.DrawFn) -> str:
    """Write an object that says a name twice, and numbers that no Python number writes."""
    values = st.sampled_from(
        ["1", "2", '"x"', "null", "1e5", "1E+1000000", "-1E-1000000", "9" * 5000, "NaN", "1e999",
         "Infinity", "0." + "1" * 400, "[[1], 2]", '{"text": "a", "text": 1}', '"\\ud800"', "01",
         '{"text": "a", "town": {}}', '{"more": {"more": {"town": 1}}}', "[" * 150 + "]" * 150]
    )  # fmt: skip
    pairs = draw(st.lists(st.tuples(_names, values), max_size=4))
    texts = [f"{json.dumps(name)}: {value}" for name, value in pairs]
    return '{"id": 1, "version": 2, ' + ", ".join([*texts, '"name": "x"']) + "}"


_good = st.builds(
    lambda number, name: json.dumps({"id": number, "name": name, "version": 1}),
    st.integers(),
    st.text(max_size=5),
)
_bodies = st.one_of(
    st.text(max_size=20),
    _json.map(json.dumps),
    _objects,
    _nearly_good,
    _nearly_good,
    _doubled(),
    _doubled(),
    _good,
    st.builds(lambda opening, depth: opening * depth, st.sampled_from("[{"), st.integers(1, 5000)),
    st.builds(lambda depth: '{"anything":' * depth + "1" + "}" * depth, st.integers(1, 2000)),
)
_attributes = st.builds(
    lambda name, others: {"ingest.name": name} | others,
    st.sampled_from(["things", "plain"]),
    st.dictionaries(
        st.sampled_from(
            ["ingest.name", "ingest.dedup", "ingest.bytes", "ingest.sequence", "ingest.dead", "x"]
        ),
        _texts | st.just("base64"),
        max_size=2,
    ),
)
_records = st.builds(
    lambda body, group, attributes: (
        sqs_record("", group=group, attributes=attributes) | {"body": body}
    ),
    _bodies,
    st.sampled_from(["A", "B", None]),
    _attributes,
)


@st.composite
def _mutated(draw: st.DrawFn) -> Any:  # noqa: ANN401 - any event
    """Change anything of a batch of records: take it out, or put anything in its place."""
    event: Any = {"Records": draw(st.lists(_records, min_size=1, max_size=3))}
    event = copy.deepcopy(event)
    for _ in range(draw(st.integers(1, 2))):
        holder: Any = event
        while isinstance(holder, dict | list) and holder:
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            key = draw(st.sampled_from(keys))
            if not (isinstance(holder[key], dict | list) and holder[key]) or draw(st.booleans()):
                if draw(st.booleans()):
                    del holder[key]
                else:
                    holder[key] = draw(_json)
                break
            holder = holder[key]
    return event


_fates = st.lists(
    st.none() | st.builds(Refusal, st.sampled_from(Fault), st.just("because")),
    min_size=1,
    max_size=6,
)


def _refusal_of(row: Row) -> Refusal | None:
    """Write a row's values as the store does, up to the statement's text."""
    assert isinstance(row.contract, Table)
    try:
        row_literals(row.contract, row.record, {})
    except UnstorableError as error:
        return Refusal(Fault.REJECTED, str(error))
    return None


class Batch:
    """One event handled, and what became of each of its records."""

    def __init__(self, event: Any, fates: list[Refusal | None], acknowledge: Any) -> None:  # noqa: ANN401
        self.database = ModelDatabase(lambda row: _refusal_of(row) or fates[row.index % len(fates)])
        self.sqs = ModelSqs()
        drainer = Drainer(
            self.database,
            THINGS,
            PLAIN,
            dead_letter_queue_url=DEAD_LETTERS,
            client=self.sqs,
            clock=VirtualClock(),
            acknowledge=acknowledge,
        )
        self.foreign = False
        self.held: set[str] = set()
        self.raised = False
        try:
            answer = drainer.handle(event)
        except ForeignEventError:
            self.foreign = True
        except BatchHeldError as error:
            self.raised = True
            self.held = set(error.held)
        else:
            self.held = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}


def check(event: Any, fates: list[Refusal | None], acknowledge: Any) -> None:  # noqa: ANN401
    """Handle an event: each message is stored, dead-lettered or held, and nothing else raised."""
    batch = Batch(event, fates, acknowledge)
    if batch.foreign:
        assert (batch.database.stored, batch.sqs.letters, batch.sqs.deleted) == ([], [], [])
        return
    records = event["Records"]
    stored = {row.index for row in batch.database.stored}
    letters = {
        (letter["MessageDeduplicationId"], letter["MessageBody"]) for letter in batch.sqs.letters
    }
    for place, record in enumerate(records):
        dead = (record["messageId"], record["body"]) in letters
        if batch.raised:
            acknowledged = record["receiptHandle"] in batch.sqs.deleted
        else:
            acknowledged = record["messageId"] not in batch.held
        if acknowledged:
            assert place in stored or dead, record
        else:
            assert record["messageId"] in batch.held


@settings(max_examples=300)
@given(st.lists(_records, min_size=1, max_size=4), _fates, st.sampled_from(["delete", "report"]))
def test_any_body_is_stored_held_or_dead_lettered(
    records: list[dict[str, Any]], fates: list[Refusal | None], acknowledge: str
) -> None:
    """Bodies and attributes of any text, at any fate of their rows: none crashes, none is lost."""
    check({"Records": records}, fates, acknowledge)


@settings(max_examples=300)
@given(_mutated() | _json, _fates, st.sampled_from(["delete", "report"]))
def test_any_event_is_read_whole_or_not_at_all(
    event: Any,  # noqa: ANN401
    fates: list[Refusal | None],
    acknowledge: str,
) -> None:
    """What is no batch of SQS messages is refused as such, before anything is written."""
    check(event, fates, acknowledge)
