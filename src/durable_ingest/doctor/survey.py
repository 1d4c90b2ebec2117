"""Looking at what is deployed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from durable_ingest.doctor.deployment import (
    FunctionFacts,
    MappingFacts,
    QueueFacts,
    mapping_facts,
    network_facts,
    queue_facts,
)
from durable_ingest.doctor.findings import Finding, unseen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from durable_ingest.doctor.asking import Asker

DRAINER_ACTIONS: Final = (
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ChangeMessageVisibility",
)
"""On the queue; see docs/security.md."""
DEAD_LETTER_ACTIONS: Final = ("sqs:SendMessage",)
SECRET_ACTIONS: Final = ("secretsmanager:GetSecretValue",)


@dataclass(slots=True)
class Survey:
    """What was seen of a deployment, and what could not be."""

    queue: QueueFacts | None = None
    dead: QueueFacts | None = None
    mappings: list[MappingFacts] | None = None
    function: FunctionFacts | None = None
    unseen: list[Finding] = field(default_factory=list)


class Surveyor:
    """Finds a queue, what drains it, and its dead-letter queue.

    Args:
        asker: asks AWS.
        secret: the name or ARN of the secret that the drainer logs in with, if there is one.
    """

    def __init__(self, asker: Asker, secret: str | None = None) -> None:
        self._ask = asker.ask
        self._unseen = asker.unseen
        self._secret = secret

    def look(
        self, *, queue_url: str | None, function: str | None, dead_letter_queue_url: str | None
    ) -> Survey:
        """Look at all of it.

        Args:
            queue_url: the queue's; None to find it by the function's mapping, or as the one whose
                redrive policy names the drainer's dead-letter queue.
            function: the drainer's name or ARN; None to find it by the queue's mapping.
            dead_letter_queue_url: the drainer's; the redrive policy's where it is None.
        """
        survey = Survey(unseen=self._unseen)
        url = queue_url or self._queue_url(function, dead_letter_queue_url)
        if url is not None:
            survey.queue = self._queue("queue", url)
        if survey.queue is not None:
            survey.mappings = self._mappings(EventSourceArn=survey.queue.arn)
            if dead_letter_queue_url is None and survey.queue.dead_letter_arn:
                arn = survey.queue.dead_letter_arn
                dead_letter_queue_url = self._url_of("dead_letters", arn)
        if dead_letter_queue_url is not None:
            survey.dead = self._queue("dead_letters", dead_letter_queue_url)
        name = function or next((each.function for each in survey.mappings or ()), None)
        if name is not None:
            survey.function = self._function(name)
        elif survey.mappings is None:
            self._unseen.append(unseen("function", "no mapping says which", "give --function"))
        if survey.function is not None:
            survey.function = self._network(self._permissions(survey.function, survey))
        return survey

    def _queue_url(self, function: str | None, dead_letter_queue_url: str | None) -> str | None:
        before = len(self._unseen)
        found = None
        if function is not None:
            mapped = self._mappings(FunctionName=function)
            found = self._url_of("queue", mapped[0].queue_arn) if mapped else None
        elif dead_letter_queue_url is not None:
            answer = self._ask(
                "queue", "sqs", "list_dead_letter_source_queues", QueueUrl=dead_letter_queue_url
            )
            sources = (answer or {}).get("queueUrls", ())
            found = str(sources[0]) if len(sources) == 1 else None
        if found is None and len(self._unseen) == before:
            why = "neither the function nor the dead-letter queue says which it is"
            self._unseen.append(unseen("queue", why, "give --queue-url"))
        return found

    def _queue(self, check: str, url: str) -> QueueFacts | None:
        wanted = {"QueueUrl": url, "AttributeNames": ["All"]}
        answer = self._ask(check, "sqs", "get_queue_attributes", **wanted)
        return None if answer is None else queue_facts(url, answer["Attributes"])

    def _url_of(self, check: str, arn: str) -> str | None:
        account, name = arn.split(":")[4:6]
        given = {"QueueName": name, "QueueOwnerAWSAccountId": account}
        answer = self._ask(check, "sqs", "get_queue_url", **given)
        return None if answer is None else str(answer["QueueUrl"])

    def _mappings(self, **of: str) -> list[MappingFacts] | None:
        answer = self._ask("mapping", "lambda", "list_event_source_mappings", **of)
        if answer is None:
            return None
        found = [mapping_facts(each) for each in answer["EventSourceMappings"] if _is_sqs(each)]
        return sorted(found, key=lambda each: not each.enabled)

    def _function(self, name: str) -> FunctionFacts | None:
        answer = self._ask("function", "lambda", "get_function_configuration", FunctionName=name)
        if answer is None:
            return None
        bare = answer["FunctionName"]
        limit = self._ask(
            "function.concurrency", "lambda", "get_function_concurrency", FunctionName=bare
        )
        network = answer.get("VpcConfig") or {}
        return FunctionFacts(
            name=bare,
            arn=answer["FunctionArn"],
            timeout=answer["Timeout"],
            memory=answer["MemorySize"],
            runtime=answer.get("Runtime", ""),
            role=answer["Role"],
            vpc=network.get("VpcId") or None,
            subnets=network.get("SubnetIds") or (),
            reserved=(limit or {}).get("ReservedConcurrentExecutions"),
        )

    def _network(self, function: FunctionFacts) -> FunctionFacts:
        if function.vpc is None:
            return function
        of = {"Filters": [{"Name": "vpc-id", "Values": [function.vpc]}]}
        endpoints = self._ask("function.network", "ec2", "describe_vpc_endpoints", **of)
        tables = self._ask("function.network", "ec2", "describe_route_tables", **of)
        if endpoints is None or tables is None:
            return function
        return replace(function, network=network_facts(function, endpoints, tables))

    def _permissions(self, function: FunctionFacts, survey: Survey) -> FunctionFacts:
        wanted: list[tuple[str, Sequence[str], bool]] = []
        if survey.queue is not None:
            wanted.append((survey.queue.arn, DRAINER_ACTIONS, survey.queue.shared))
        if survey.dead is not None:
            wanted.append((survey.dead.arn, DEAD_LETTER_ACTIONS, survey.dead.shared))
        if self._secret is not None and self._secret.startswith("arn:"):
            wanted.append((self._secret, SECRET_ACTIONS, False))
        denied = []
        for arn, actions, shared in wanted:
            answer = self._ask(
                "function.permissions",
                "iam",
                "simulate_principal_policy",
                PolicySourceArn=function.role,
                ActionNames=list(actions),
                ResourceArns=[arn],
                ContextEntries=_context(function),
            )
            if answer is None:
                break  # the others would be refused too
            missing = self._denied(arn, answer["EvaluationResults"], shared=shared)
            if missing:
                denied.append((arn, missing))
        return replace(function, denied=denied)

    def _denied(self, arn: str, results: Sequence[dict[str, Any]], *, shared: bool) -> list[str]:
        """Give what is denied for certain.

        The simulation knows the role's policies alone, not the queue's own, and no values for
        conditions but those that it is given (IAM API Reference, SimulatePrincipalPolicy).
        """
        refused = [each for each in results if each["EvalDecision"] != "allowed"]
        open_ = [
            each["EvalActionName"]
            for each in refused
            if each["EvalDecision"] == "implicitDeny"
            and (shared or each.get("MissingContextValues"))
        ]
        if open_:
            why = (
                f"whether conditions, or the queue's own policy, allow {', '.join(open_)} on {arn}"
            )
            remedy = "look into the role's policies and the queue's"
            self._unseen.append(unseen("function.permissions", why, remedy))
        return [each["EvalActionName"] for each in refused if each["EvalActionName"] not in open_]


def _context(function: FunctionFacts) -> list[dict[str, object]]:
    """Give what conditions may ask of each of the drainer's calls."""
    known = (
        ("aws:SecureTransport", "boolean", "true"),
        ("lambda:SourceFunctionArn", "string", function.arn),
    )
    return [
        {"ContextKeyName": key, "ContextKeyType": kind, "ContextKeyValues": [value]}
        for key, kind, value in known
    ]


def _is_sqs(mapping: dict[str, Any]) -> bool:
    return ":sqs:" in str(mapping.get("EventSourceArn"))
