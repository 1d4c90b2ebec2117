"""The example's producer under the real runtime."""

import json

import pytest

from durable_ingest.testing import unreachable
from tests.runtime.lambda_process import LambdaProcess
from tests.runtime.stage import Stage, put

pytestmark = [pytest.mark.runtime, pytest.mark.database]


def test_cold_and_warm(stage: Stage, producer: LambdaProcess) -> None:
    """One process answers both requests with 202, and their records lie in the queue."""
    first = put(producer, "c1", 1, "Zoë \N{CRAB}")
    pid = producer.pid
    second = put(producer, "c2", 1, "Bob")
    assert [first["statusCode"], second["statusCode"]] == [202, 202]
    assert producer.pid == pid
    stored = stage.queue.messages()
    assert [message.body["name"] for message in stored] == ["Zoë \N{CRAB}", "Bob"]
    receipts = [json.loads(answer["body"])["message_id"] for answer in (first, second)]
    assert receipts == [message.message_id for message in stored]


def test_a_queue_that_went_away_during_a_freeze(stage: Stage, producer: LambdaProcess) -> None:
    """Thawed, the same process says 503 while SQS does not answer, and 202 afterwards."""
    assert put(producer, "c1", 1, "Ada")["statusCode"] == 202
    pid = producer.pid
    producer.freeze()
    with stage.queue.fail_calls(unreachable):
        producer.thaw()
        assert put(producer, "c2", 1, "Bob")["statusCode"] == 503
    assert put(producer, "c2", 1, "Bob")["statusCode"] == 202
    assert producer.pid == pid
    assert [m.body["name"] for m in stage.queue.messages()] == ["Ada", "Bob"]


def test_a_bad_body_is_answered(stage: Stage, producer: LambdaProcess) -> None:
    """400 names the field; nothing is stored, and the log tells no value."""
    answer = put(producer, "c1", 0, "Ada Lovelace")
    assert answer["statusCode"] == 400
    assert [error["field"] for error in json.loads(answer["body"])["errors"]] == ["version"]
    assert stage.queue.messages() == []
    assert "Lovelace" not in producer.log
