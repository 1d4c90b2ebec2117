"""Execution environments as the drill makes them."""

import os
from pathlib import Path

import pytest

from drill.environment import load, variables


def test_each_load_is_a_fresh_import(tmp_path: Path) -> None:
    """As a cold start: no environment shares another's state."""
    file = tmp_path / "app.py"
    file.write_text(
        "calls = []\ndef handler(event, context):\n    calls.append(event)\n    return len(calls)\n"
    )
    first, second = load(file), load(file)
    assert [first({}, None), first({}, None), second({}, None)] == [1, 2, 1]  # type: ignore[arg-type]


def test_variables_are_set_and_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that would have led the client elsewhere, and one that was not there."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://elsewhere")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    monkeypatch.delenv("QUEUE_URL", raising=False)
    with variables(QUEUE_URL="http://127.0.0.1/customers.fifo"):
        assert os.environ["QUEUE_URL"] == "http://127.0.0.1/customers.fifo"
        assert os.environ["AWS_DEFAULT_REGION"] == "eu-west-1"
        assert "AWS_ENDPOINT_URL" not in os.environ
    assert os.environ["AWS_ENDPOINT_URL"] == "http://elsewhere"
    assert os.environ["AWS_DEFAULT_REGION"] == "us-west-2"
    assert "QUEUE_URL" not in os.environ
