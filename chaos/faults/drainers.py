"""What happens to the drainers' processes."""

from typing import TYPE_CHECKING

from chaos.faults import Fault
from chaos.schedule import Kind, Strike

if TYPE_CHECKING:
    from chaos.stage import Stage

MORE_THAN_THE_VISIBILITY = 1.15


def kill(stage: "Stage", strike: Strike) -> int:
    """SIGKILL one or two."""
    chance = strike.chance()
    chosen = chance.sample(stage.fleet.places, chance.choice((1, 2)))
    for place in chosen:
        stage.fleet.kill(place)
    stage.pause(strike.seconds)  # their successors' start takes its time
    return len(chosen)


def stop(stage: "Stage", strike: Strike) -> int:
    """SIGSTOP one, until its messages are visible to others again."""
    place = strike.chance().choice(stage.fleet.places)
    stage.fleet.stop(place)
    try:
        stage.pause(stage.plan.visibility_timeout * MORE_THAN_THE_VISIBILITY)
    finally:
        stage.fleet.go_on(place)
    return 1


def time_out(stage: "Stage", strike: Strike) -> int:
    """Let the function's time run out in the midst of some invocations."""
    chance = strike.chance()
    chosen = chance.sample(stage.fleet.places, chance.choice((1, 2, 3)))
    for place in chosen:
        stage.fleet.doom(place)
    stage.pause(strike.seconds)
    return len(chosen)


FAULTS = {
    "SIGKILL of drainers": Fault(kill, Kind(2, 5)),
    "function time-outs": Fault(time_out, Kind(2, 5)),
}
STOPS = {"SIGSTOP of drainers": Fault(stop, Kind(0, 0))}
