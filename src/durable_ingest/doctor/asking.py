"""Asking AWS with whatever permissions there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from durable_ingest.answers import SendFailure
from durable_ingest.aws import call, client_of, region_of, sqs_client
from durable_ingest.doctor.findings import Finding, error, unseen

if TYPE_CHECKING:
    from collections.abc import Callable

ACTIONS: Final = {
    ("sqs", "get_queue_attributes"): "sqs:GetQueueAttributes",
    ("sqs", "get_queue_url"): "sqs:GetQueueUrl",
    ("sqs", "list_dead_letter_source_queues"): "sqs:ListDeadLetterSourceQueues",
    ("lambda", "list_event_source_mappings"): "lambda:ListEventSourceMappings",
    ("lambda", "get_function_configuration"): "lambda:GetFunctionConfiguration",
    ("lambda", "get_function_concurrency"): "lambda:GetFunctionConcurrency",
    ("iam", "simulate_principal_policy"): "iam:SimulatePrincipalPolicy",
    ("ec2", "describe_vpc_endpoints"): "ec2:DescribeVpcEndpoints",
    ("ec2", "describe_route_tables"): "ec2:DescribeRouteTables",
}
"""What the doctor calls, and the right to it. All of them only read."""
_TIMEOUT: Final = 10.0
_MISSING: Final = ("NonExistentQueue", "QueueDoesNotExist", "ResourceNotFound")


class Asker:
    """Calls AWS. What it does not answer becomes a finding, and the rest goes on.

    Args:
        region: of everything; None for the queue's, or the configured one.
        queue_url: a queue whose host answers for SQS.
        make_client: makes a boto3 client of a service, given its name.
    """

    def __init__(
        self,
        region: str | None,
        queue_url: str | None = None,
        make_client: Callable[[str], Any] | None = None,
    ) -> None:
        self._region = region or (region_of(queue_url) if queue_url else None)
        self._queue_url = queue_url
        self._make = make_client or self._made
        self._clients: dict[str, Any] = {}
        self.unseen: list[Finding] = []

    def ask(self, check: str, service: str, operation: str, **arguments: object) -> Any:  # noqa: ANN401 - a dictionary
        """Call AWS; None where that fails, which becomes a finding of that check or part."""
        action = ACTIONS[service, operation]

        def ask(**given: object) -> Any:  # noqa: ANN401 - boto3's answers
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return getattr(self._clients[service], operation)(**given)

        answer = call(ask, **arguments)
        if isinstance(answer, SendFailure):
            self.unseen.append(_failed(check, action, answer.code, arguments))
            return None
        return answer

    def _made(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients' classes
        if service == "sqs" and self._queue_url is not None:
            share = _TIMEOUT / 3
            return sqs_client(
                self._queue_url,
                connect_timeout=share,
                read_timeout=2 * share,
                region=self._region,
            )
        return client_of(service, self._region, _TIMEOUT)


def _failed(check: str, action: str, code: str, arguments: dict[str, object]) -> Finding:
    asked = arguments.get("QueueUrl") or arguments.get("FunctionName")
    if (
        asked
        and check in {"queue", "dead_letters", "function"}
        and any(m in code for m in _MISSING)
    ):
        what, cost = f"there is no {asked}", "whoever is told this name fails: " + code
        return error(f"{check}.missing", what, cost, "mend the name, or the region with --region")
    return unseen(check, f"{action} answers {code}", _remedy(action, code))


def _remedy(action: str, code: str) -> str:
    if "Denied" in code or "NotAuthorized" in code:
        return f"allow {action} to whoever runs this"
    if "Region" in code:
        return "name the region with --region"
    if "Credentials" in code or "Profile" in code:
        return "log in to AWS first, as for its own command line"
    return f"see by hand why {action} fails"
