"""The HTTP front: v1 and v2 events in, answers out, no content in a log."""

import base64
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from pydantic import BaseModel, Field

from durable_ingest import Enqueuer, Table
from durable_ingest.apigateway import endpoint
from tests.model_queue import FakeClient
from tests.records import CUSTOMERS, Customer
from tests.virtual_clock import VirtualClock

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/writes.fifo"
BODY = '{"customer_id":"1","email":"hush-hush"}'


def rest(body: str | None = BODY, **changes: object) -> dict[str, Any]:
    """Make a v1 event."""
    return {
        "httpMethod": "POST",
        "path": "/customers",
        "headers": {"Content-Type": "application/json"},
        "pathParameters": {"id": "7"},
        "requestContext": {"requestId": "r-1"},
        "body": body,
        "isBase64Encoded": False,
        **changes,
    }


def http(body: str | None = BODY, **changes: object) -> dict[str, Any]:
    """Make a v2 event."""
    return {
        "version": "2.0",
        "rawPath": "/customers",
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": {"method": "POST"}, "requestId": "r-1"},
        "body": body,
        "isBase64Encoded": False,
        **changes,
    }


class Front:
    """A handler over a client in memory."""

    def __init__(
        self,
        client: FakeClient | None = None,
        contract: Table = CUSTOMERS,
        **options: Any,  # noqa: ANN401
    ) -> None:
        self.client = client or FakeClient()
        enqueuer = Enqueuer(URL, contract, client=self.client, clock=VirtualClock())
        self._handler = endpoint(enqueuer, contract, **options)

    def __call__(self, event: Any) -> tuple[int, dict[str, str], Any]:  # noqa: ANN401
        """Give status, headers by lower-case name, and the parsed body."""
        answer = self._handler(event, None)
        assert answer["isBase64Encoded"] is False
        headers = {name.lower(): value for name, value in answer["headers"].items()}
        return answer["statusCode"], headers, json.loads(answer["body"])


@pytest.fixture(autouse=True)
def no_content(caplog: pytest.LogCaptureFixture) -> Any:  # noqa: ANN401 - a generator
    """Whatever a test does, no log record holds the request's content."""
    caplog.set_level(logging.DEBUG)
    yield
    for record in caplog.get_records("call"):
        assert "hush" not in record.getMessage()
        assert "hush" not in str(record.exc_info)


@pytest.mark.parametrize("event", [rest(), http()])
def test_a_stored_record_is_answered_202_with_its_receipt(event: Mapping[str, Any]) -> None:
    """For REST and for HTTP events."""
    front = Front()
    status, headers, content = front(event)
    assert (status, headers["content-type"]) == (202, "application/json")
    assert set(content) == {
        "contract",
        "message_id",
        "sequence_number",
        "dedup_id",
        "group_id",
    }
    assert (content["message_id"], content["group_id"]) == ("message-1", "customers:1")
    assert front.client.stored[0]["MessageBody"] == BODY


@pytest.mark.parametrize("make", [rest, http])
def test_base64_bodies_are_decoded(make: Any) -> None:  # noqa: ANN401 - rest or http
    """As the event says."""
    front = Front()
    text = '{"customer_id":"\u00e9"}'
    encoded = base64.b64encode(text.encode()).decode()
    assert front(make(encoded, isBase64Encoded=True))[0] == 202
    assert '"\u00e9"' in front.client.stored[0]["MessageBody"]


@pytest.mark.parametrize("name", ["Idempotency-Key", "idempotency-key", "IDEMPOTENCY-KEY"])
@pytest.mark.parametrize("make", [rest, http])
def test_the_idempotency_key_is_found_in_any_case(make: Any, name: str) -> None:  # noqa: ANN401
    """The same request again is the same write."""
    front = Front()
    ids = [front(make(headers={name: key}))[2]["dedup_id"] for key in ("k", "k", "other")]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("headers", [None, {}, {"Idempotency-Key": ""}])
def test_without_a_key_every_request_is_a_write(headers: dict[str, str] | None) -> None:
    """The gateway's request id is new for each retry, so it is none."""
    front = Front()
    ids = {front(rest(headers=headers))[2]["dedup_id"] for _ in range(2)}
    assert len(ids) == 2


@pytest.mark.parametrize(
    "event",
    [
        rest(None),
        http(None),
        {"httpMethod": "POST"},
        rest(""),
        rest("hush{"),
        rest('{"customer_id": NaN}'),
        rest("[" * 5000),
        rest('"hush"'),
        rest("[]"),
        rest("null"),
        rest("hush!", isBase64Encoded=True),
        rest(base64.b64encode(b"\xff\xfehush").decode(), isBase64Encoded=True),
        rest('{"customer_id":"\udfff hush"}'),
    ],
)
@pytest.mark.parametrize("made", [False, True])
def test_what_is_no_json_object_is_answered_400(
    event: dict[str, Any],
    made: bool,  # noqa: FBT001 - with `record=` or without
) -> None:
    """As problem+json (RFC 9457), without what was sent."""
    front = Front(record=lambda _, body: Customer.model_validate(body)) if made else Front()
    status, headers, content = front(event)
    assert (status, headers["content-type"]) == (400, "application/problem+json")
    assert (content["status"], content["title"]) == (400, "Bad Request")
    assert content["type"] == "about:blank"
    assert content["detail"]
    assert "hush" not in json.dumps(content)
    assert front.client.calls == []


class Order(BaseModel):
    """A row with rules."""

    id: UUID
    at: datetime
    amount: int = Field(gt=0)
    lines: list[Customer] = []


ORDERS = Table("orders", Order, key="id")


def test_every_wrong_field_is_listed() -> None:
    """By its path, nested ones too, and without its value."""
    body = {
        "id": "hush-1",
        "amount": -987654,
        "lines": [{"email": "hush-2"}],
        "at": "hush-3",
    }
    status, headers, content = Front(contract=ORDERS)(rest(json.dumps(body)))
    assert (status, headers["content-type"]) == (400, "application/problem+json")
    assert sorted(error["field"] for error in content["errors"]) == [
        "amount",
        "at",
        "id",
        "lines.0.customer_id",
    ]
    assert all(error["message"] for error in content["errors"])
    assert "hush" not in json.dumps(content)
    assert "987654" not in json.dumps(content)


def test_a_value_that_the_model_takes_and_mysql_cannot_hold_is_listed_too() -> None:
    """Found when the record is written as a message."""
    body = json.dumps({"id": str(UUID(int=1)), "at": "2026-01-01T00:00:00", "amount": 1})
    status, _, content = Front(contract=ORDERS)(rest(body))
    assert status == 400
    assert [error["field"] for error in content["errors"]] == ["at"]


def test_a_key_outside_the_calendar_is_the_callers_mistake() -> None:
    """It passes the model; the answer is 400, not 500."""

    class Event(BaseModel):
        at: datetime

    late = datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5))).isoformat()
    front = Front(contract=Table("events", Event, key="at"))
    assert front(rest(json.dumps({"at": late})))[0] == 400


def test_a_record_that_is_too_large_is_answered_413() -> None:
    """Nothing is sent."""
    front = Front()
    status, headers, content = front(
        rest(json.dumps({"customer_id": "1", "email": "hush" * 300_000}))
    )
    assert (status, headers["content-type"]) == (413, "application/problem+json")
    assert content["title"] == "Content Too Large"
    assert "hush" not in json.dumps(content)
    assert front.client.calls == []


def _denied() -> ClientError:
    answer: Any = {
        "Error": {"Code": "AccessDenied", "Message": "hush"},
        "ResponseMetadata": {"HTTPStatusCode": 403},
    }
    return ClientError(answer, "SendMessageBatch")


@pytest.mark.parametrize(
    "failure",
    [
        {"Code": "InternalError", "SenderFault": False, "Message": "hush"},
        ReadTimeoutError(endpoint_url=URL),
        _denied(),
    ],
)
def test_an_unconfirmed_write_is_answered_503(
    failure: Mapping[str, Any] | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """With Retry-After, and the advice to send it again with the same key; and it is logged."""
    status, headers, content = Front(FakeClient(lambda _: failure))(rest())
    assert (status, headers["content-type"]) == (503, "application/problem+json")
    assert int(headers["retry-after"]) >= 1
    assert "may have been stored" in content["detail"]
    assert "same Idempotency-Key" in content["detail"]
    assert "hush" not in json.dumps(content)
    assert "answered 503" in caplog.text


def _look_up(_event: Mapping[str, Any], body: Any) -> BaseModel:  # noqa: ANN401 - parsed JSON
    text = f"cannot use {body}"
    raise LookupError(text)


@pytest.mark.parametrize("event", [rest(), http()])
def test_an_unexpected_error_is_answered_500_without_its_trace(
    event: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The log says where it came from, not what it says."""
    status, headers, content = Front(record=_look_up)(event)
    assert (status, headers["content-type"]) == (500, "application/problem+json")
    text = json.dumps(content)
    assert not any(word in text for word in ("Traceback", "LookupError", "_look_up", "hush"))
    assert "LookupError" in caplog.text
    assert "_look_up" in caplog.text


@pytest.mark.parametrize("event", [None, [], "text"])
def test_what_is_no_event_is_answered_500(event: object) -> None:
    """Nothing escapes the handler."""
    assert Front()(event)[0] == 500


def test_record_makes_the_row_of_event_and_body() -> None:
    """A path parameter belongs in it here; a wrong one is listed as any other field."""

    def make(event: Mapping[str, Any], body: Any) -> BaseModel:  # noqa: ANN401 - parsed JSON
        return Customer(customer_id=event["pathParameters"]["id"], email=body["email"])

    front = Front(record=make)
    assert front(rest())[2]["group_id"] == "customers:7"
    assert json.loads(front.client.stored[0]["MessageBody"]) == {
        "customer_id": "7",
        "email": "hush-hush",
    }
    status, _, content = front(rest(pathParameters={"id": 7}))
    assert status == 400
    assert [error["field"] for error in content["errors"]] == ["customer_id"]


def test_moments_come_through_as_they_are() -> None:
    """With their zone."""
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    body = json.dumps({"id": str(UUID(int=1)), "at": moment.isoformat(), "amount": 1})
    front = Front(contract=ORDERS)
    assert front(rest(body))[0] == 202
    assert json.loads(front.client.stored[0]["MessageBody"])["at"] == "2026-03-01T12:00:00Z"


class Many(BaseModel):
    """A record of which one field can be wrong in many ways."""

    many_id: int
    counts: dict[str, list[int]] = {}


def test_an_answer_stays_small() -> None:
    """However many errors a body has, and however long its keys are: Lambda passes on 6 MB."""
    front = Front(contract=Table("many", Many, key="many_id"))
    wrong = {"k" * 100_000: ["x"] * 10_000}
    status, _, content = front(rest(json.dumps({"many_id": 1, "counts": wrong})))
    assert status == 400
    assert len(content["errors"]) == 100
    assert len(json.dumps(content)) < 100_000
