"""How the local SQS is found and what it is told."""

import sys
from pathlib import Path

import pytest

from durable_ingest.testing import QueueService
from durable_ingest.testing import queue_service as module


def test_a_missing_ministack_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error says what to install."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(module.PROGRAM, raising=False)
    with pytest.raises(FileNotFoundError, match="pip install ministack"):
        QueueService().start()


def test_a_service_that_ends_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody waits for a program that is gone; its directory is removed."""
    program = tmp_path / "ministack"
    program.write_text("#!/bin/sh\necho no such option; exit 1\n")
    program.chmod(0o700)
    monkeypatch.setenv(module.PROGRAM, str(program))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(RuntimeError, match="no such option"):
        QueueService().start()
    assert list(tmp_path.iterdir()) == [program]


def test_the_service_listens_on_loopback_and_sees_no_containers(tmp_path: Path) -> None:
    """Left alone, ministack listens everywhere and removes containers it takes for its own."""
    environment = QueueService()._environment(tmp_path)
    assert environment["BIND_HOST"] == "127.0.0.1"
    assert environment["DOCKER_HOST"] == f"unix://{tmp_path}/no-docker"


def test_closing_a_service_that_never_started_does_nothing() -> None:
    """Close may be called at any time."""
    service = QueueService()
    service.close()
    service.close()
