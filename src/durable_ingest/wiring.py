"""Where the services meet SQS: the one place that makes queues out of boto3 clients.

Imported by the services when they first need a queue, and by nothing at import time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from durable_ingest.aws import sqs_client
from durable_ingest.deadline import call_limit as fitting
from durable_ingest.errors import ContractError
from durable_ingest.sqs import SqsQueue
from durable_ingest.sqs_letters import SqsLetterQueue

if TYPE_CHECKING:
    from durable_ingest.ports import LetterQueue, Outbox, Queue, Source

_CONNECT_SHARE: Final = 0.15
_READ_SHARE: Final = 0.3
_POLL_SLACK: Final = 3.0
_SETTLING_CALL: Final = 3.0
_OPERATORS_CONNECT: Final = 3.0
_OPERATORS_READ: Final = 10.0
_DOMAINS: Final = {"cn-": "amazonaws.com.cn"}


def sender(queue_url: str, client: Any, timeout: float) -> Outbox:  # noqa: ANN401
    """Make the queue that an enqueuer sends to, within `timeout` seconds a call.

    A connection and an answer may take less than half of it together, so that one attempt can
    fail and another be made. boto3's own check of each request is left out: the queue makes them,
    of text alone.
    """
    connect, read = timeout * _CONNECT_SHARE, timeout * _READ_SHARE
    if client is None:
        client = sqs_client(queue_url, connect_timeout=connect, read_timeout=read, validation=False)
    return SqsQueue(client, queue_url, call_limit=connect + read)


def letter_queue(queue_url: str) -> LetterQueue:
    """Make a queue for an operator's tools, with a client of the operator's own rights."""
    client = sqs_client(queue_url, connect_timeout=_OPERATORS_CONNECT, read_timeout=_OPERATORS_READ)
    return SqsLetterQueue(client, queue_url, call_limit=_OPERATORS_CONNECT + _OPERATORS_READ)


class DrainerQueues:
    """The queues of a drainer: the one that an event came from, and the dead-letter queue.

    A call may take 1 s to connect and 2 s to be answered, or less where the function has less
    time; clients are made for each limit, since a client's time-outs are fixed.

    Args:
        client: a boto3 SQS client, or None to make them.
        dead_letter_queue_url: says which endpoint to ask; None for the region's own.
    """

    def __init__(self, client: Any, dead_letter_queue_url: str | None) -> None:  # noqa: ANN401
        self._given = client
        self._dead_letter_queue_url = dead_letter_queue_url
        self._made: dict[float, Any] = {}
        self._polled: dict[tuple[str, int], tuple[Source, Queue]] = {}

    def dead_letter_queue(self, call_limit: float) -> Outbox:
        """Give the dead-letter queue; a call to it takes no longer than `call_limit` seconds."""
        url = self._dead_letter_queue_url or ""
        limit = fitting(call_limit)
        return SqsQueue(self._client(url, limit), url, limit, bounded=True)

    def queue_of_arn(self, arn: str, call_limit: float) -> Queue:
        """Give the queue that an event's records name by their ARN.

        Its URL is made of the client's endpoint, account and name, because the permission for
        GetQueueUrl is not among those that Lambda's managed policy grants.
        """
        _, _, _, region, account, name = arn.split(":", 5)
        home = f"https://sqs.{region}.{_DOMAINS.get(region[:3], 'amazonaws.com')}/"
        limit = fitting(call_limit)
        client = self._client(self._dead_letter_queue_url or home, limit, region)
        endpoint = str(getattr(client.meta, "endpoint_url", None) or home).rstrip("/")
        return SqsQueue(client, f"{endpoint}/{account}/{name}", limit, bounded=True)

    def polled(self, url: str, wait: int, receivers: int) -> tuple[Source, Queue]:
        """Give a queue that is polled, to receive from and to settle with.

        A long poll takes a client of its own, whose time-out is longer than SQS' wait; it is not
        `bounded`, since a receive that is left behind would take messages for nobody.

        Raises:
            ContractError: the given client would end a long poll before its answer.
        """
        if (url, receivers) not in self._polled:
            limit = fitting(_SETTLING_CALL)
            receiving, settling = self._given, self._given
            if self._given is None:
                receiving = sqs_client(
                    url,
                    connect_timeout=_POLL_SLACK,
                    read_timeout=wait + _POLL_SLACK,
                    connections=receivers,
                )
                settling = sqs_client(
                    url,
                    connect_timeout=limit / 3,
                    read_timeout=limit * 2 / 3,
                    connections=2 * receivers + 1,
                )
            _check_read_timeout(receiving, wait)
            self._polled[url, receivers] = (
                SqsQueue(receiving, url, wait + 2 * _POLL_SLACK),
                SqsQueue(settling, url, limit, bounded=True),
            )
        return self._polled[url, receivers]

    def _client(self, url: str, limit: float, region: str | None = None) -> Any:  # noqa: ANN401
        if self._given is not None:
            return self._given
        if limit not in self._made:
            connect, read = limit / 3, limit * 2 / 3
            self._made[limit] = sqs_client(
                url, connect_timeout=connect, read_timeout=read, region=region
            )
        return self._made[limit]


def _check_read_timeout(client: Any, wait: int) -> None:  # noqa: ANN401
    config = getattr(client.meta, "config", None)
    if config is not None and config.read_timeout <= wait:
        problem = (
            f"its read_timeout of {config.read_timeout:g} s ends before SQS answers a long poll of"
            f" {wait} s; give it {wait + _POLL_SLACK:g} s or more"
        )
        raise ContractError("client", problem)
