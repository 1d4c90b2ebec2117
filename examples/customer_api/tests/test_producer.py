"""What a client is answered."""

import json
from types import ModuleType
from typing import Any

import pytest
from durable_ingest.testing import IngestEnvironment, IngestQueue, LambdaContext

from .requests import ADA, put


@pytest.fixture
def producer(ingest_env: IngestEnvironment) -> ModuleType:
    """The producer, which needs no database."""
    [module] = ingest_env.load("producer")
    return module


def test_a_stored_write_is_answered_202_with_its_receipt(
    producer: ModuleType, ingest_queue: IngestQueue, ingest_context: LambdaContext
) -> None:
    """Once SQS has it."""
    answer = producer.handler(put("c-1"), ingest_context)
    assert answer["statusCode"] == 202
    [message] = ingest_queue.messages()
    receipt = json.loads(answer["body"])
    assert receipt["message_id"] == message.message_id
    assert receipt["group_id"] == message.group == "customers:acme:c-1"


def test_a_write_that_is_sent_again_is_stored_once(
    producer: ModuleType, ingest_queue: IngestQueue, ingest_context: LambdaContext
) -> None:
    """The version makes it the same write, with or without an Idempotency-Key."""
    for headers in (None, None, {"Idempotency-Key": "k"}, {"Idempotency-Key": "k"}):
        assert producer.handler(put(headers=headers), ingest_context)["statusCode"] == 202
    assert len(ingest_queue.messages()) == 2


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        (None, 401),
        ({}, 401),
        ({"sub": "user-7"}, 403),
        ({"tenant_id": "acme"}, 403),
        ({"sub": "user-7", "tenant_id": ""}, 403),
    ],
)
def test_without_a_callers_claims_nothing_is_stored(
    producer: ModuleType,
    ingest_queue: IngestQueue,
    ingest_context: LambdaContext,
    claims: dict[str, str] | None,
    status: int,
) -> None:
    """A route whose authorizer was forgotten, and a token of another kind."""
    answer = producer.handler(put(claims=claims), ingest_context)
    assert answer["statusCode"] == status
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert ingest_queue.messages() == []


@pytest.mark.parametrize("field", ["tenant_id", "customer_id", "changed_by"])
def test_a_body_cannot_say_whose_row_it_is(
    producer: ModuleType, ingest_queue: IngestQueue, ingest_context: LambdaContext, field: str
) -> None:
    """Such fields are refused rather than ignored."""
    answer = producer.handler(put(body=ADA | {field: "other"}), ingest_context)
    assert (answer["statusCode"], wrong_fields(answer)) == (400, [field])
    assert ingest_queue.messages() == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"version": 0}, "version"),
        ({"version": 2**63}, "version"),
        ({"email": "a" * 255}, "email"),
        ({"name": ""}, "name"),
        ({"phone": 5}, "phone"),
        ({"fax": "1"}, "fax"),
    ],
)
def test_a_wrong_field_is_named(
    producer: ModuleType,
    ingest_context: LambdaContext,
    changes: dict[str, object],
    field: str,
) -> None:
    """With 400."""
    answer = producer.handler(put(body=ADA | changes), ingest_context)
    assert (answer["statusCode"], wrong_fields(answer)) == (400, [field])


@pytest.mark.parametrize("body", ["", "no JSON", "[]", '"text"', "null"])
def test_a_body_that_is_no_object_is_answered_400(
    producer: ModuleType, ingest_context: LambdaContext, body: str
) -> None:
    """Not 500."""
    assert producer.handler(put(body=body), ingest_context)["statusCode"] == 400


@pytest.mark.parametrize("customer_id", ["", "a b", "c/1", "\N{SNOWMAN}", "x" * 65])
def test_a_path_that_names_no_customer_is_answered_400(
    producer: ModuleType, ingest_context: LambdaContext, customer_id: str
) -> None:
    """The id is a key, and part of the message group's name."""
    answer = producer.handler(put(customer_id), ingest_context)
    assert (answer["statusCode"], wrong_fields(answer)) == (400, ["customer_id"])


def test_a_record_that_sqs_would_not_take_is_answered_413(
    producer: ModuleType, ingest_queue: IngestQueue, ingest_context: LambdaContext
) -> None:
    """A megabyte of notes."""
    answer = producer.handler(put(notes="n" * 1024 * 1024), ingest_context)
    assert answer["statusCode"] == 413
    assert ingest_queue.messages() == []


def test_an_entry_that_fails_once_is_sent_again(
    producer: ModuleType, ingest_queue: IngestQueue, ingest_context: LambdaContext
) -> None:
    """SQS fails single entries of calls that succeed; the client does not notice."""
    with ingest_queue.fail_entries(times=1) as fault:
        assert producer.handler(put(), ingest_context)["statusCode"] == 202
    assert fault.hits == 1


def test_an_entry_that_fails_on_is_answered_503(
    producer: ModuleType, ingest_queue: IngestQueue, ingest_context: LambdaContext
) -> None:
    """The client is told when to try again, before API Gateway's own time is over."""
    with ingest_queue.fail_entries():
        answer = producer.handler(put(), ingest_context)
    assert answer["statusCode"] == 503
    assert int(answer["headers"]["retry-after"]) > 0
    assert ingest_context.get_remaining_time_in_millis() > 20_000
    assert producer.handler(put(), ingest_context)["statusCode"] == 202
    assert len(ingest_queue.messages()) == 1


def wrong_fields(answer: dict[str, Any]) -> list[str]:
    """List the fields that an answer objects to."""
    return [error["field"] for error in json.loads(answer["body"])["errors"]]
