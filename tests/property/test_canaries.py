"""No value of a row and no credential in a log, an error's text or a dead letter's reason.

Strings that stand nowhere else are planted in every value. Whatever goes wrong then is written out
as Lambda would, and searched for them.
"""

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, JsonValue, ValidationError, field_validator

from durable_ingest import Drainer, Enqueuer, MySQL, Table, metrics
from durable_ingest.apigateway import endpoint
from durable_ingest.errors import DurableIngestError
from durable_ingest.mysql.faults import describe
from durable_ingest.mysql.values import UnreadableError, UnstorableError, row_literals
from durable_ingest.rows import Fault, Refusal, Row
from durable_ingest.testing import sqs_record
from tests.model_database import DEAD_LETTERS, ModelDatabase, ModelSqs
from tests.model_queue import FakeClient
from tests.virtual_clock import VirtualClock

CANARY = "canary77"
NUMBER = 71_717_171
URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/writes.fifo"


class Inner(BaseModel):
    """A nested value."""

    text: str = ""


class Person(BaseModel):
    """A row with something to hide in every field, and a validator that repeats it."""

    person_id: str
    name: str = ""
    age: int = 0
    price: Decimal = Decimal(0)
    born: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    inner: Inner | None = None
    inners: dict[str, Inner] = {}
    counts: dict[str, int] = {}
    anything: JsonValue = None
    version: int = 0

    @field_validator("name")
    @classmethod
    def check_name(cls, name: str) -> str:
        """Refuse some names with an error of the right kind, others with one of a wrong kind."""
        if name.endswith("!"):
            raise ValueError(name)
        if name.endswith("?"):
            raise KeyError(name)
        return name


PEOPLE = Table("people", Person, key="person_id", sequence="ingest_sequence")

_texts = st.builds(
    lambda before, after: before + CANARY + after,
    st.sampled_from(["", "'", "\\", "\x00", "\ud800", "1", "column '", "for key '", "\n"]),
    st.sampled_from(["", "!", "?", "'", "\ud800", "' for column 'name' at row 1", "' for key '"]),
)
_planted = st.one_of(
    _texts,
    st.just(NUMBER),
    st.just(10**4000 + NUMBER),
    st.just(float(NUMBER)),
)
_json = st.recursive(
    _planted,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.just(CANARY) | st.just("text"), inner, max_size=2)
    ),
    max_leaves=4,
)
# A model's field names are said, also those that it does not know; a mapping's keys are content.
_inner = _planted | st.fixed_dictionaries({}, optional={"text": _json})
_fields = dict.fromkeys(Person.model_fields, _json) | {
    "inner": _inner,
    "inners": _planted | st.dictionaries(st.just(CANARY), _inner, max_size=2),
}
_values = st.fixed_dictionaries({}, optional=_fields)


_bodies = st.one_of(
    _values.map(lambda values: json.dumps({"person_id": CANARY} | values)),
    _values.map(json.dumps),
    _values.map(lambda values: json.dumps(values)[:-1]),
    st.just(CANARY),
    st.just(f'"{CANARY}"'),
    st.just(f'{{"person_id": "{CANARY}", "anything": 1e999}}'),
)


class _Kept(logging.Handler):
    """Keeps what every logger says, whatever its level, as text."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


@contextmanager
def overheard() -> Iterator[list[str]]:
    """Collect what is said; at the end no canary may be in it."""
    kept = _Kept()
    root = logging.getLogger()
    level = root.level
    root.addHandler(kept)
    root.setLevel(logging.DEBUG)
    try:
        yield kept.texts
    finally:
        root.removeHandler(kept)
        root.setLevel(level)
    for text in kept.texts:
        assert CANARY not in text
        assert str(NUMBER) not in text


def _attempt(said: list[str], operation: Callable[[], object], kind: type[Exception]) -> None:
    """Run what may fail with one kind of error, and write that out as Lambda does."""
    try:
        operation()
    except kind as error:
        said += [str(error), repr(error), *traceback.format_exception(error)]
        said += [str(getattr(error, "held", "")), str(getattr(error, "failures", ""))]


def _refusal(row: Row) -> Refusal | None:
    """Write a row as the store does; what the server says of it holds all its values."""
    assert isinstance(row.contract, Table)
    try:
        sql = ", ".join(row_literals(row.contract, row.record, {}).values())
    except UnstorableError as error:
        return Refusal(Fault.REJECTED, str(error))
    except UnreadableError as error:
        return Refusal(Fault.MISCONFIGURED, str(error))
    code = (1062, 1366, 1644, 1048)[row.index % 4]
    return Refusal(Fault.REJECTED, describe(code, f"{sql} for column {sql}", ["name"]), code)


@settings(max_examples=200)
@given(st.lists(_bodies, min_size=1, max_size=4), st.booleans())
def test_a_drainer_says_nothing_of_a_row(bodies: list[str], letters: bool) -> None:  # noqa: FBT001 - drawn
    """Bodies of every wrong kind, rows that are refused, with and without dead letters."""
    sqs = ModelSqs()
    lines: list[str] = []
    drainer = Drainer(
        ModelDatabase(_refusal),
        PEOPLE,
        dead_letter_queue_url=DEAD_LETTERS if letters else None,
        client=sqs,
        on_report=metrics.emf(write=lines.append),
        clock=VirtualClock(),
    )
    attributes = {"ingest.dedup": CANARY, "ingest.sequence": CANARY, "x": CANARY}
    records = [
        sqs_record("", group=f"{CANARY}{place}", attributes=attributes) | {"body": body}
        for place, body in enumerate(bodies)
    ]
    with overheard() as said:
        _attempt(said, lambda: drainer.handle({"Records": records}), DurableIngestError)
        _attempt(said, lambda: drainer.handle({"Records": [*records, CANARY]}), DurableIngestError)
        said.extend(lines)
        for letter in sqs.letters:
            said.append(letter["MessageAttributes"]["ingest.dead"]["StringValue"])


def _answers(
    draw: int,
) -> Callable[[Any], Any]:
    refusal = {"Error": {"Code": "InvalidMessageContents", "Message": CANARY}}
    return (
        lambda _: None,
        lambda _: {"SenderFault": True, "Code": "InvalidParameterValue", "Message": CANARY},
        lambda _: {"SenderFault": False, "Code": "InternalError", "Message": CANARY},
        lambda _: ClientError(refusal, "SendMessageBatch"),  # type: ignore[arg-type]
        lambda _: EndpointConnectionError(endpoint_url=f"https://{CANARY}"),
        lambda _: OSError(CANARY),
    )[draw]


@settings(max_examples=200)
@given(_values, st.integers(0, 5), st.booleans())
def test_a_producer_says_nothing_of_a_record(
    values: dict[str, Any],
    answer: int,
    whole: bool,  # noqa: FBT001 - drawn
) -> None:
    """Records of every wrong kind, keys, and whatever SQS answers."""
    enqueuer = Enqueuer(URL, PEOPLE, client=FakeClient(_answers(answer)), clock=VirtualClock())
    if whole:
        try:
            record = Person.model_validate({"person_id": CANARY} | values)
        except (ValidationError, KeyError, UnicodeEncodeError):
            return
    else:  # as a team's code may make one, without validation
        record = Person.model_construct(**values)
    with overheard() as said:
        for key in (None, CANARY, f"{CANARY}\ud800"):
            _attempt(
                said,
                lambda key=key: enqueuer.enqueue(record, idempotency_key=key),  # type: ignore[misc]
                DurableIngestError,
            )
        _attempt(
            said,
            lambda: enqueuer.enqueue_many([record, record], idempotency_keys=[CANARY] * 2),
            DurableIngestError,
        )


@settings(max_examples=200)
@given(_bodies, st.integers(0, 5), st.sampled_from(["", "ValueError", "make", "event"]))
def test_an_endpoint_logs_nothing_of_a_request(body: str, answer: int, broken: str) -> None:
    """Neither what is wrong with it nor what its own code raises; the answer is the client's."""

    def make(event: Any, parsed: Any) -> BaseModel:  # noqa: ANN401 - any request
        del event
        if broken == "ValueError":
            raise ValueError(parsed)
        return Person.model_construct(**parsed)

    enqueuer = Enqueuer(URL, PEOPLE, client=FakeClient(_answers(answer)), clock=VirtualClock())
    handler = endpoint(enqueuer, PEOPLE, record=make if broken in ("ValueError", "make") else None)
    headers: Any = [CANARY] if broken == "event" else {"Idempotency-Key": CANARY}
    with overheard():
        assert handler({"body": body, "headers": headers}, None)["statusCode"] >= 202


_passwords = st.builds(
    lambda parts: "".join(parts).replace("#", CANARY),
    st.permutations(["#", "@", ":", "/", "?", "[", "]", "%", "%zz", "\u2100", " ", "1"]).flatmap(
        lambda parts: st.integers(1, len(parts)).map(lambda n: ["#", *parts[:n]])
    ),
)
_urls = st.builds(
    lambda form, password: form.format(password, quote(password, safe="")),
    st.sampled_from(
        [
            "mysql://user:{0}@db.example:3306/app",
            "mysql://user:{1}@db.example:3306/app",
            "mysql://user:{1}@db.example:port/app",
            "mysql://user:{1}@/app",
            "mysql://:{1}@db.example/app",
            "mysql://user:{1}@db.example/app?ssl={0}",
            "postgres://user:{1}@db.example/app",
            "user:{0}@db.example",
            "mysql://user:{0}",
            "{0}",
        ]
    ),
    _passwords,
)


@settings(max_examples=200)
@given(_urls, st.sampled_from(["VERIFY_IDENTITY", "verify", "DISABLED"]))
def test_a_url_is_refused_without_its_password(url: str, mode: str) -> None:
    """Nor does a good one show it."""
    with overheard() as said:
        _attempt(said, lambda: said.append(repr(MySQL(url, ssl_mode=mode))), DurableIngestError)
        _attempt(said, lambda: MySQL(url, ssl_ca="/no/such/file").tls("db"), DurableIngestError)


_texts_of_mysql = st.sampled_from(
    [
        "Duplicate entry '{}' for key 'people.name'",
        "Data too long for column '{}' at row 1",
        "Incorrect integer value: '{}' for column 'age' at row 1",
        "Incorrect datetime value: '{}' for column `app`.`people`.`born` at row 1",
        "Truncated incorrect DOUBLE value: '{}'",
        "BIGINT UNSIGNED value is out of range in '({} - 1)'",
        "Check constraint 'no_question' is violated.",
        "CONSTRAINT `people.{}` failed for `app`.`people`",
        "Invalid JSON text: \"{}\" at position 0 in value for column 'people.anything'.",
        "Cannot add or update a child row: a foreign key constraint fails (`app`.`{}`)",
        "Column '{}' cannot be null",
        "{}",
    ]
)


@given(_texts_of_mysql, _texts, st.integers(0, 4100))
def test_what_mysql_says_is_not_repeated(text: str, value: str, code: int) -> None:
    """Whatever its code: a value can look like the end of another text."""
    shown = describe(code, text.format(value + " of a row"), [*Person.model_fields])
    assert CANARY not in shown
    assert str(NUMBER) not in shown
