"""Any request at all: the HTTP front answers, and what it does not store it says so."""

import base64
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, JsonValue

from durable_ingest import Enqueuer, Table
from durable_ingest.apigateway import endpoint
from tests.model_queue import FakeClient
from tests.virtual_clock import VirtualClock

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/writes.fifo"


class Thing(BaseModel):
    """A record of several types."""

    id: int
    name: str = ""
    counts: dict[str, int] = {}
    anything: JsonValue = None


THINGS = Table("things", Thing, key="id")

_texts = st.text(max_size=8) | st.sampled_from(["\ud800", "\x00", "9" * 5000, "1e999", "a" * 500])
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=8,
)
_records = st.fixed_dictionaries(
    {"id": st.integers() | st.sampled_from([10**400, 10**4000])},
    optional={"name": _texts, "counts": _json, "anything": _json, "unknown": _json},
)
_texts_of_bodies = st.one_of(
    st.text(max_size=20),
    _json.map(json.dumps),
    _records.map(json.dumps),
    _records.map(lambda record: json.dumps(record, ensure_ascii=False)),
    st.builds(lambda opening, depth: opening * depth, st.sampled_from("[{"), st.integers(1, 5000)),
    st.builds(
        lambda depth: '{"id": 1, "anything": ' + "[" * depth + "]" * depth + "}",
        st.integers(1, 2000),
    ),
)
_bodies = st.one_of(
    _texts_of_bodies,
    st.binary(max_size=30).map(lambda raw: base64.b64encode(raw).decode()),
    _texts_of_bodies.map(
        lambda text: base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()
    ),
    _json,
)
_headers = st.dictionaries(
    st.sampled_from(["Idempotency-Key", "idempotency-key", "content-type", "x"]), _texts, max_size=3
)
_events = st.fixed_dictionaries(
    {"body": _bodies},
    optional={
        "isBase64Encoded": st.booleans() | _json,
        "headers": st.none() | _headers | _json,
        "version": st.just("2.0"),
        "requestContext": _json,
    },
)


@settings(max_examples=400)
@given(_events | _json)
def test_any_request_is_answered(event: Any) -> None:  # noqa: ANN401
    """202 exactly where the queue has the record, else 400, 413 or 500; never an exception."""
    client = FakeClient()
    handler = endpoint(Enqueuer(URL, THINGS, client=client, clock=VirtualClock()), THINGS)
    answer = handler(event, None)
    assert answer["statusCode"] in (202, 400, 413, 500)
    assert len(client.stored) == (answer["statusCode"] == 202)
    assert isinstance(json.loads(answer["body"]), dict)
    if isinstance(event, dict) and isinstance(event.get("headers", {}), dict | None):
        assert answer["statusCode"] != 500, event
