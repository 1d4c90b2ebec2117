"""What is deployed, as AWS tells it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from durable_ingest.answers import QueueSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LARGEST_MESSAGE = 1_048_576
"""Bytes (SQS API Reference, SetQueueAttributes)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFacts:
    """A queue's settings. Times are in seconds."""

    url: str
    arn: str
    fifo: bool
    retention: int
    visibility_timeout: int
    max_receive_count: int | None = None
    dead_letter_arn: str | None = None
    """Where SQS itself moves messages."""
    encrypted: bool = False
    per_group: bool = False
    """Whether it is in high-throughput mode."""
    largest_message: int = LARGEST_MESSAGE
    delay: int = 0
    shared: bool = False
    """Whether a policy of its own allows anybody anything."""

    @property
    def settings(self) -> QueueSettings:
        """What the drainer itself goes by."""
        return QueueSettings(self.retention, self.visibility_timeout, self.max_receive_count)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingFacts:
    """An event source mapping."""

    uuid: str
    function: str
    """The function's ARN, with its alias if there is one."""
    queue_arn: str
    enabled: bool = True
    reports_failures: bool = False
    batch_size: int = 10
    filters: int = 0
    concurrency: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFacts:
    """Where a function's requests go."""

    vpc: str
    endpoints: frozenset[str]
    """Services that answer inside the VPC under their own names, such as "sqs"."""
    closed: Sequence[str]
    """The function's subnets from which no route leads outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionFacts:
    """The drainer's function."""

    name: str
    arn: str
    timeout: int
    memory: int
    runtime: str
    role: str
    vpc: str | None = None
    subnets: Sequence[str] = ()
    network: NetworkFacts | None = None
    reserved: int | None = None
    """Its reserved concurrency."""
    denied: Sequence[tuple[str, Sequence[str]]] = ()
    """Resources, and the actions on them that its role lacks."""


def queue_facts(url: str, attributes: Mapping[str, str]) -> QueueFacts:
    """Read GetQueueAttributes' answer."""
    redrive: dict[str, Any] = json.loads(attributes.get("RedrivePolicy") or "{}")
    most = redrive.get("maxReceiveCount")
    managed = attributes.get("SqsManagedSseEnabled", "").lower() == "true"
    return QueueFacts(
        url=url,
        arn=attributes["QueueArn"],
        fifo=attributes.get("FifoQueue", "").lower() == "true",
        retention=int(attributes["MessageRetentionPeriod"]),
        visibility_timeout=int(attributes["VisibilityTimeout"]),
        max_receive_count=None if most is None else int(most),
        dead_letter_arn=redrive.get("deadLetterTargetArn"),
        encrypted=managed or bool(attributes.get("KmsMasterKeyId")),
        per_group=attributes.get("FifoThroughputLimit") == "perMessageGroupId",
        largest_message=int(attributes.get("MaximumMessageSize") or LARGEST_MESSAGE),
        delay=int(attributes.get("DelaySeconds") or 0),
        shared='"Allow"' in (attributes.get("Policy") or ""),
    )


def mapping_facts(given: Mapping[str, Any]) -> MappingFacts:
    """Read one of ListEventSourceMappings' mappings."""
    filters = (given.get("FilterCriteria") or {}).get("Filters") or ()
    return MappingFacts(
        uuid=str(given["UUID"]),
        function=str(given["FunctionArn"]),
        queue_arn=str(given["EventSourceArn"]),
        enabled=given.get("State", "Enabled") in {"Enabled", "Enabling", "Creating", "Updating"},
        reports_failures="ReportBatchItemFailures" in (given.get("FunctionResponseTypes") or ()),
        batch_size=int(given.get("BatchSize") or 10),
        filters=len(filters),
        concurrency=(given.get("ScalingConfig") or {}).get("MaximumConcurrency"),
    )


def network_facts(
    function: FunctionFacts, endpoints: Mapping[str, Any], tables: Mapping[str, Any]
) -> NetworkFacts:
    """Read DescribeVpcEndpoints' and DescribeRouteTables' answers for a function's VPC."""
    services = {
        str(each["ServiceName"]).rsplit(".", 1)[-1]
        for each in endpoints["VpcEndpoints"]
        if each.get("PrivateDnsEnabled") and str(each.get("State")).lower() == "available"
    }
    leads_out: dict[str | None, bool] = {}  # by subnet; None is the main table's
    for table in tables["RouteTables"]:
        for each in table.get("Associations", ()):
            subnet = None if each.get("Main") else each.get("SubnetId")
            leads_out[subnet] = any(map(_leads_out, table.get("Routes", ())))
    main = leads_out.get(None, False)
    closed = [subnet for subnet in function.subnets if not leads_out.get(subnet, main)]
    return NetworkFacts(vpc=function.vpc or "", endpoints=frozenset(services), closed=closed)


def _leads_out(route: Mapping[str, Any]) -> bool:
    """Say whether a default route takes a function's packets, which have no public address."""
    is_default = route.get("DestinationCidrBlock") == "0.0.0.0/0"
    to_internet = str(route.get("GatewayId") or "").startswith("igw-")
    return is_default and not to_internet and route.get("State", "active") == "active"
