"""What happens to the calls between everybody and SQS."""

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chaos.faults import Fault
from chaos.faults.chance import Chance
from chaos.queue_proxy import Answer, Call, Forward, Hook, error, pass_on
from chaos.schedule import Kind, Strike

if TYPE_CHECKING:
    from chaos.stage import Stage

BAD_GATEWAY = 502
UNAVAILABLE = 503
REFUSED = 400
SHARE = 0.4
ENTRY_SHARE = 0.3
REPLAYED_SHARE = 0.25
STORED_SHARE = 0.5
_never = threading.Event()


def server_errors(stage: "Stage", strike: Strike) -> int:
    """Answer with 5xx, half of the times after the call was carried out."""
    chance = Chance(strike)

    def hook(call: Call, forward: Forward) -> Answer:
        if not chance.hit(SHARE):
            return forward(call)
        if chance.toss(STORED_SHARE):
            forward(call)
        return error(UNAVAILABLE if chance.toss() else 500, "InternalFailure")

    return _interfering(stage, strike, chance, hook)


def throttling(stage: "Stage", strike: Strike) -> int:
    """Refuse calls as too many."""
    chance = Chance(strike)

    def hook(call: Call, forward: Forward) -> Answer:
        return error(REFUSED, "RequestThrottled") if chance.hit(SHARE) else forward(call)

    return _interfering(stage, strike, chance, hook)


def lost_answers(stage: "Stage", strike: Strike) -> int:
    """Carry calls out and end the connection without an answer; or lose the call itself."""
    chance = Chance(strike)

    def hook(call: Call, forward: Forward) -> Answer | None:
        if not chance.hit(SHARE):
            return forward(call)
        if chance.toss(0.75):
            forward(call)
        return None

    return _interfering(stage, strike, chance, hook)


def slow(stage: "Stage", strike: Strike) -> int:
    """Carry calls out late: some after the caller has given up."""
    chance = Chance(strike)

    def hook(call: Call, forward: Forward) -> Answer:
        if chance.hit(SHARE):
            _never.wait(chance.between(0.1, 3.0))
        return forward(call)

    return _interfering(stage, strike, chance, hook)


def failing_entries(stage: "Stage", strike: Strike) -> int:
    """Fail single entries of batches, some of them although they were carried out."""
    chance = Chance(strike)

    def hook(call: Call, forward: Forward) -> Answer:
        entries: list[dict[str, Any]] = call.arguments.get("Entries", [])
        failing = {entry["Id"] for entry in entries if chance.hit(ENTRY_SHARE)}
        if not failing:
            return forward(call)
        lost = {name for name in failing if chance.toss(STORED_SHARE)}
        kept = [entry for entry in entries if entry["Id"] not in lost]
        answer = Answer(200, {"Successful": [], "Failed": []})
        if kept:
            answer = forward(replace(call, arguments=call.arguments | {"Entries": kept}))
        if "Successful" not in answer.content:
            return answer
        return Answer(answer.status, _with_failures(answer.content, failing))

    return _interfering(stage, strike, chance, hook)


def _with_failures(content: dict[str, Any], failing: set[str]) -> dict[str, Any]:
    done = [entry for entry in content["Successful"] if entry["Id"] not in failing]
    failed = [entry for entry in content.get("Failed", []) if entry["Id"] not in failing]
    failed += [
        {"Id": name, "Code": "InternalError", "SenderFault": False} for name in sorted(failing)
    ]
    return {"Successful": done, "Failed": failed}


def dead_letter_queue_away(stage: "Stage", strike: Strike) -> int:
    """Refuse every call to the dead-letter queues."""
    chance = Chance(strike)

    def hook(call: Call, forward: Forward) -> Answer | None:
        if not call.to_dead_letters or not chance.hit():
            return forward(call)
        return error(BAD_GATEWAY, "InternalFailure") if chance.toss() else None

    return _interfering(stage, strike, chance, hook)


def duplicates(stage: "Stage", strike: Strike) -> int:
    """Deliver messages again: at once, late, and long after they were deleted."""
    chance = Chance(strike)

    def hook(call: Call, forward: Forward) -> Answer:
        if call.operation == "ReceiveMessage" and chance.toss(REPLAYED_SHARE):
            remembered = list(stage.queue.received[call.queue])
            recent = remembered[-3:] if chance.toss() else remembered
            if recent:
                chance.hit()
                return chance.pick(recent)
        return forward(call)

    return _interfering(stage, strike, chance, hook)


def _interfering(stage: "Stage", strike: Strike, chance: Chance, hook: Hook) -> int:
    stage.queue.hook = hook
    try:
        stage.pause(strike.seconds)
    finally:
        stage.queue.hook = pass_on
    return chance.hits


FAULTS = {
    "SQS answers 5xx": Fault(server_errors, Kind(1, 4)),
    "SQS throttles": Fault(throttling, Kind(1, 4)),
    "SQS loses answers": Fault(lost_answers, Kind(1, 4, weight=2)),
    "SQS is slow": Fault(slow, Kind(1, 4)),
    "SQS fails entries": Fault(failing_entries, Kind(1, 4, weight=2)),
    "dead-letter queue away": Fault(dead_letter_queue_away, Kind(3, 8, weight=2)),
    "duplicate and late deliveries": Fault(duplicates, Kind(2, 5, weight=3)),
}
