"""The network's faults, one by one: what becomes of a request."""

from collections import Counter

import pytest

from chaos.faults import network
from chaos.schedule import Strike
from durable_ingest.testing import Action
from durable_ingest.testing.proxy import Hook, pass_all

COMMIT = b"\x03COMMIT"
INSERT = b"\x03INSERT INTO t VALUES (1)"


class FakeStage:
    """Asks the hook of a fault about requests while the fault lasts."""

    def __init__(self, requests: list[bytes]) -> None:
        self.interfere: Hook = pass_all
        self.database = self
        self.requests = requests
        self.actions: list[Action] = []
        self.calls: list[str] = []

    def pause(self, seconds: float) -> None:
        """Ask instead of waiting."""
        self.calls.append(f"pause {seconds}")
        self.actions += [self.interfere(request) for request in self.requests]

    def hold(self) -> None:
        """Be the proxy."""
        self.calls.append("hold")

    def release(self) -> None:
        """Be the proxy."""
        self.calls.append("release")

    def cut(self) -> None:
        """Be the proxy."""
        self.calls.append("cut")


def strike(fault: str, *requests: bytes) -> tuple[FakeStage, int]:
    """Let a fault strike; return what the stage saw, and the hits."""
    stage = FakeStage(list(requests))
    hits = network.FAULTS[fault].blow(stage, Strike(fault, 0.0, 2.0, seed=5))  # type: ignore[arg-type]
    assert stage.interfere is pass_all
    return stage, hits


def test_resets_strike_before_and_after_the_server_has_carried_a_request_out() -> None:
    """Most requests pass."""
    stage, hits = strike("resets in mid-statement", *[INSERT, COMMIT] * 200)
    counted = Counter(stage.actions)
    assert counted[Action.CUT] + counted[Action.CUT_ANSWER] == hits
    assert min(counted[Action.CUT], counted[Action.CUT_ANSWER]) > 10
    assert counted[Action.PASS] > 200


def test_lost_commits_are_commits() -> None:
    """Mostly their answers."""
    stage, hits = strike("lost COMMIT answers", *[INSERT, COMMIT] * 200)
    assert set(stage.actions[0::2]) == {Action.PASS}
    counted = Counter(stage.actions[1::2])
    assert counted[Action.CUT_ANSWER] > counted[Action.CUT] > 0
    assert hits == 200 - counted[Action.PASS]


def test_latency_lets_everything_pass() -> None:
    """Late."""
    stage, hits = strike("latency", COMMIT)
    assert (stage.actions, hits) == ([Action.PASS], 1)


@pytest.mark.parametrize(
    ("fault", "calls"),
    [
        ("dark network", ["hold", "pause 2.0", "release"]),
        ("all connections reset", ["cut"]),
    ],
)
def test_whole_networks_fail(fault: str, calls: list[str]) -> None:
    """And come back."""
    stage, hits = strike(fault)
    assert (stage.calls, hits) == (calls, 1)
