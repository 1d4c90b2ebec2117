"""Where the services meet SQS: the one place that makes queues out of boto3 clients.

Imported by the services when they first need a queue, and by nothing at import time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from durable_ingest.aws import sqs_client
from durable_ingest.sqs import SqsQueue

if TYPE_CHECKING:
    from durable_ingest.ports import Queue

_CONNECT_SHARE: Final = 0.2
_READ_SHARE: Final = 0.4
_MOST: Final = (1.0, 2.0)


def sender(queue_url: str, client: Any, timeout: float) -> Queue:  # noqa: ANN401
    """Make the queue that an enqueuer sends to, within `timeout` seconds a call.

    Of that time a connection may take a fifth and an answer two fifths, so that one attempt can
    fail and another be made.
    """
    connect, read = timeout * _CONNECT_SHARE, timeout * _READ_SHARE
    if client is None:
        client = sqs_client(queue_url, connect_timeout=connect, read_timeout=read)
    return SqsQueue(client, queue_url, call_limit=connect + read)


class DrainerQueues:
    """The queues of a drainer: the one that an event came from, and the dead-letter queue.

    Args:
        client: a boto3 SQS client, or None to make one.
        call_limit: the longest that one call may take, in seconds.
    """

    def __init__(self, client: Any, call_limit: float) -> None:  # noqa: ANN401
        self._client = client
        self._connect = min(call_limit / 3, _MOST[0])
        self._read = min(call_limit * 2 / 3, _MOST[1])

    def at(self, url: str) -> Queue:
        """Make a queue of a queue URL."""
        return SqsQueue(self._at(url), url, self._connect + self._read)

    def of(self, arn: str, dead_letter_queue_url: str | None) -> Queue:
        """Make the queue that an event's records name by their ARN.

        Its URL is made of the client's endpoint, account and name, because the permission for
        GetQueueUrl is not among those that Lambda's managed policy grants.
        """
        _, _, _, region, account, name = arn.split(":", 5)
        if self._client is None and dead_letter_queue_url is None:
            home = f"https://sqs.{region}.{_DOMAINS.get(region[:3], 'amazonaws.com')}/"
            client = self._at(home, region)
        else:
            client = self._at(dead_letter_queue_url or "", region)
        endpoint = str(client.meta.endpoint_url).rstrip("/")
        url = f"{endpoint}/{account}/{name}"
        return SqsQueue(client, url, self._connect + self._read)

    def _at(self, url: str, region: str | None = None) -> Any:  # noqa: ANN401
        if self._client is None:
            self._client = sqs_client(
                url, connect_timeout=self._connect, read_timeout=self._read, region=region
            )
        return self._client


_DOMAINS: Final = {"cn-": "amazonaws.com.cn"}
