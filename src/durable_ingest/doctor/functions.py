"""Whether the drainer's function can do what it has to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from durable_ingest.doctor.findings import Finding, error, note, warning

if TYPE_CHECKING:
    from collections.abc import Iterable

    from durable_ingest.doctor.deployment import FunctionFacts, NetworkFacts

SHORTEST_TIMEOUT: Final = 10
GOOD_TIMEOUT: Final = 30
GOOD_MEMORY: Final = 256
SUPPORTED: Final = ("python3.11", "python3.12", "python3.13", "python3.14")
"""Lambda's Developer Guide, "Lambda runtimes"; this library needs 3.11."""
_COSTS: Final = {
    "sqs:ReceiveMessage": "nothing is drained",
    "sqs:DeleteMessage": "settled messages come again and again",
    "sqs:GetQueueAttributes": "no message is dead-lettered before it expires",
    "sqs:ChangeMessageVisibility": "held messages are not hidden, and an outage burns receives",
    "sqs:SendMessage": "rejected rows cannot be dead-lettered, and hold their groups",
    "secretsmanager:GetSecretValue": "the drainer cannot log in; every message is held",
}
_UNREACHED: Final = {
    "sqs": "held messages are not hidden, and rejected rows hold their groups",
    "secretsmanager": "the drainer cannot log in; every message is held",
}


def check_function(
    function: FunctionFacts, *, services: Iterable[str], concurrency: int | None
) -> list[Finding]:
    """Check the drainer's function.

    Args:
        function: its settings.
        services: those of AWS that it calls, such as "sqs".
        concurrency: the mapping's maximum; None where it has none.
    """
    found = []
    update = f"aws lambda update-function-configuration --function-name {function.name}"
    if function.timeout < GOOD_TIMEOUT:
        find = warning if function.timeout < SHORTEST_TIMEOUT else note
        found.append(
            find(
                "function.timeout",
                f"its time-out is {function.timeout} s",
                "half of it goes to the database at most; a slow statement or a locked row holds"
                " the whole batch",
                f"{update} --timeout {GOOD_TIMEOUT}, and six times that as visibility timeout",
            )
        )
    if function.memory < GOOD_MEMORY:
        found.append(
            note(
                "function.memory",
                f"it has {function.memory} MB",
                "Lambda gives CPU by memory: cold starts, and the first hold, take longer",
                f"{update} --memory-size {GOOD_MEMORY}",
            )
        )
    if function.runtime and function.runtime not in SUPPORTED:
        found.append(
            error(
                "function.runtime",
                f"its runtime is {function.runtime}",
                "this library needs Python 3.11 or newer",
                f"{update} --runtime {SUPPORTED[-2]}",
            )
        )
    found += [
        error(
            "function.permissions",
            f"its role is not allowed {', '.join(actions)} on {resource}",
            "; ".join(_COSTS[action] for action in actions),
            f"allow {', '.join(actions)} on {resource} for {function.role}",
        )
        for resource, actions in function.denied
    ]
    if function.network is not None:
        found += _network(function.network, services, function.arn.split(":")[3])
    if function.reserved is not None:
        found += _reserved(function, function.reserved, concurrency)
    return found


def _network(network: NetworkFacts, services: Iterable[str], region: str) -> list[Finding]:
    if not network.closed:
        return []
    return [
        error(
            "function.network",
            f"from {', '.join(network.closed)} no way leads to {service}: {network.vpc} has no"
            " interface endpoint for it, and no default route",
            _UNREACHED[service],
            f"aws ec2 create-vpc-endpoint --vpc-id {network.vpc} --vpc-endpoint-type Interface"
            f" --private-dns-enabled --service-name com.amazonaws.{region}.{service}"
            f" --subnet-ids {' '.join(network.closed)}, or a NAT gateway",
        )
        for service in services
        if service not in network.endpoints
    ]


def _reserved(function: FunctionFacts, reserved: int, concurrency: int | None) -> list[Finding]:
    remedy = (
        f"aws lambda delete-function-concurrency --function-name {function.name}, and limit the"
        " mapping instead"
    )
    if reserved == 0:
        what = "its reserved concurrency is 0"
        return [error("function.concurrency", what, "it is never invoked", remedy)]
    if concurrency is None or reserved < concurrency:
        what = f"its reserved concurrency is {reserved}, below what the mapping may ask for"
        cost = "a throttled batch costs its messages a receive each time, and is not hidden"
        return [warning("function.concurrency", what, cost, remedy)]
    return []
