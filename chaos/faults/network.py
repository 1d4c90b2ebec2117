"""What happens to the requests between the drainers and the database."""

import threading
from typing import TYPE_CHECKING

from chaos.faults import Fault
from chaos.faults.chance import Chance
from chaos.schedule import Kind, Strike
from durable_ingest.testing import Action
from durable_ingest.testing.proxy import Hook, pass_all

if TYPE_CHECKING:
    from chaos.stage import Stage

CUT_SHARE = 0.15
CUT_COMMITS_SHARE = 0.3
COMMIT = b"\x03COMMIT"
_never = threading.Event()


def dark(stage: "Stage", strike: Strike) -> int:
    """Let nothing pass in either direction; then all that was held goes on."""
    stage.database.hold()
    try:
        stage.pause(strike.seconds)
    finally:
        stage.database.release()
    return 1


def slow(stage: "Stage", strike: Strike) -> int:
    """Let each request wait up to a second."""
    chance = Chance(strike)

    def wait(request: bytes) -> Action:
        del request
        chance.hit()
        _never.wait(chance.between(0.02, 1.0))
        return Action.PASS

    return _interfering(stage, strike, chance, wait)


def resets(stage: "Stage", strike: Strike) -> int:
    """End connections in mid-statement, before or after the server has carried it out."""
    chance = Chance(strike)

    def cut(request: bytes) -> Action:
        del request
        if chance.hit(CUT_SHARE):
            return Action.CUT if chance.toss() else Action.CUT_ANSWER
        return Action.PASS

    return _interfering(stage, strike, chance, cut)


def lost_commits(stage: "Stage", strike: Strike) -> int:
    """Lose the answers to COMMITs, and some COMMITs."""
    chance = Chance(strike)

    def cut(request: bytes) -> Action:
        if request.startswith(COMMIT) and chance.hit(CUT_COMMITS_SHARE):
            return Action.CUT if chance.toss(0.3) else Action.CUT_ANSWER
        return Action.PASS

    return _interfering(stage, strike, chance, cut)


def all_reset(stage: "Stage", strike: Strike) -> int:
    """End all connections at once."""
    del strike
    stage.database.cut()
    return 1


def _interfering(stage: "Stage", strike: Strike, chance: Chance, hook: Hook) -> int:
    stage.interfere = hook
    try:
        stage.pause(strike.seconds)
    finally:
        stage.interfere = pass_all
    return chance.hits


FAULTS = {
    "dark network": Fault(dark, Kind(1, 5)),
    "latency": Fault(slow, Kind(2, 5)),
    "resets in mid-statement": Fault(resets, Kind(2, 5, weight=2)),
    "lost COMMIT answers": Fault(lost_commits, Kind(2, 5, weight=2)),
    "all connections reset": Fault(all_reset, Kind(0, 0)),
}
