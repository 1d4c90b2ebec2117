"""The example's drainer under the real runtime, behind an event source mapping."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from durable_ingest.testing import IngestDatabase
from tests.runtime.lambda_process import FunctionError, LambdaProcess
from tests.runtime.stage import Stage, put

pytestmark = [pytest.mark.runtime, pytest.mark.database]
BRIEF = 6
"""A function's time-out in seconds, which a hanging database would exceed."""

Fault = Callable[[IngestDatabase], AbstractContextManager[None]]
FAULTS: dict[str, Fault] = {
    "an outage": IngestDatabase.outage,
    "a hanging database": IngestDatabase.dark,
}


@pytest.fixture
def drainer(stage: Stage) -> LambdaProcess:
    """Give the example's drainer."""
    return stage.function("drainer.handler", timeout=BRIEF)


def test_cold_and_warm(stage: Stage, producer: LambdaProcess, drainer: LambdaProcess) -> None:
    """One process stores both batches, over one connection."""
    put(producer, "c1", 1, "Zoë \N{CRAB}")
    put(producer, "c2", 1, "Bob")
    assert stage.deliver(drainer).answer == {"batchItemFailures": []}
    assert stage.customers() == {"c1": "Zoë \N{CRAB}", "c2": "Bob"}
    pid, sessions = drainer.pid, stage.sessions()
    put(producer, "c1", 2, "Zoë")
    assert len(stage.deliver(drainer).deleted) == 1
    assert stage.customers() == {"c1": "Zoë", "c2": "Bob"}
    assert (drainer.pid, stage.sessions()) == (pid, sessions)
    assert len(sessions) == 1
    assert stage.queue.messages() == []


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_database_that_is_away(
    stage: Stage,
    producer: LambdaProcess,
    drainer: LambdaProcess,
    fault: Fault,
    warm: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """The handler ends in time by itself and nothing is deleted; then all is stored, in order."""
    if warm:
        put(producer, "c1", 1, "Ada")
        stage.deliver(drainer)
    put(producer, "c2", 1, "Grace")
    put(producer, "c2", 2, "Grace Hopper")
    with fault(stage.database):
        held = stage.deliver(drainer)
        pid = drainer.pid
    assert isinstance(held.error, FunctionError)
    assert held.error.kind == "BatchHeldError", drainer.log
    assert held.deleted == ()
    assert len(stage.queue.messages()) == 2
    stage.end_visibility_timeouts(held)
    assert len(stage.deliver(drainer).deleted) == 2
    assert drainer.pid == pid
    assert stage.customers() == {**({"c1": "Ada"} if warm else {}), "c2": "Grace Hopper"}
    assert "held 2 of 2 messages" in drainer.log
    assert "Grace" not in drainer.log


def test_what_is_settled_beside_a_held_message_is_deleted(
    stage: Stage, producer: LambdaProcess, drainer: LambdaProcess
) -> None:
    """The drainer deletes it, for the exception that it then raises fails the whole batch."""
    put(producer, "c1", 1, "Ada")
    (message,) = stage.queue.messages()
    newer = {**message.body, "customer_id": "c2", "loyalty": "gold"}
    stage.queue.client.send_message(
        QueueUrl=stage.queue.url,
        MessageBody=json.dumps(newer),
        MessageGroupId="c2",
        MessageDeduplicationId="c2",
    )
    held = stage.deliver(drainer)
    assert isinstance(held.error, FunctionError)
    assert held.error.kind == "BatchHeldError"
    assert stage.customers() == {"c1": "Ada"}
    assert [message.body for message in stage.queue.messages()] == [newer]
    assert "gold" not in drainer.log


def test_a_refused_row_goes_to_the_dead_letter_queue(
    stage: Stage, producer: LambdaProcess, drainer: LambdaProcess
) -> None:
    """Its neighbours are stored, and the batch is settled as a whole."""
    put(producer, "c1", 1, "Ada")
    put(producer, "c2", 1, "Bob", email="nobody")
    put(producer, "c3", 1, "Cleo")
    settled = stage.deliver(drainer)
    assert settled.answer == {"batchItemFailures": []}
    assert len(settled.deleted) == 3
    assert stage.customers() == {"c1": "Ada", "c3": "Cleo"}
    (dead,) = stage.queue.dead_letters()
    assert dead.body["email"] == "nobody"
    assert "nobody" not in drainer.log
