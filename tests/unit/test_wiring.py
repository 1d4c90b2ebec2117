"""Queues out of boto3 clients: how long a call to one may take."""

from types import SimpleNamespace
from typing import Any

import pytest

from durable_ingest.wiring import sender
from tests.model_queue import FakeClient

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/writes.fifo"


@pytest.mark.parametrize("timeout", [0.5, 5.0, 29.0])
def test_an_attempt_leaves_time_for_another(
    timeout: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connecting and reading take less than half of what the whole call may."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    queue = sender(URL, None, timeout)
    config = queue._client.meta.config  # type: ignore[attr-defined] # of the adapter
    assert config.connect_timeout + config.read_timeout == pytest.approx(queue.call_limit)
    assert queue.call_limit < timeout / 2


def test_a_given_client_is_used() -> None:
    """As it is."""
    client = FakeClient()
    assert sender(URL, client, 5.0)._client is client  # type: ignore[attr-defined] # the adapter


def test_requests_are_not_checked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue makes them of text; a client that is given checks as its owner has set it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    client: Any = sender(URL, None, 5.0)._client  # type: ignore[attr-defined] # of the adapter
    answer = {"MessageId": "m"}
    client.meta.events.register(
        "before-call.sqs", lambda **_: (SimpleNamespace(status_code=200), answer)
    )
    assert client.send_message(QueueUrl=URL, MessageBody="b", MessageGroupId=5) == answer
