"""The real world's clock."""

import pytest

from durable_ingest.clock import SYSTEM_CLOCK


def test_time_that_a_test_has_stopped_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """And goes on after, whenever the library was imported: what is patched is the module."""
    with monkeypatch.context() as patch:
        patch.setattr("time.time", lambda: 42.0)
        patch.setattr("time.monotonic", lambda: 7.0)
        assert (SYSTEM_CLOCK.now(), SYSTEM_CLOCK.monotonic()) == (42.0, 7.0)
    assert SYSTEM_CLOCK.now() != 42.0
