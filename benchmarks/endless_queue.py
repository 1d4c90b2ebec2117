"""A queue that makes its messages when they are asked for, and keeps none of them."""

import itertools
from types import SimpleNamespace
from typing import Any, Final

from benchmarks.writes import TEN, newcomers
from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.testing.events import FIRST_SEQUENCE

URL: Final = "https://sqs.eu-west-1.amazonaws.com/123456789012/endless.fifo"
_RETENTION: Final = 14 * 24 * 60 * 60


class EndlessQueue:
    """What `Drainer.poll` asks of a boto3 SQS client; may be asked by several threads at once.

    Every message is another group's, so that whatever is kept for a group would be seen to grow.
    """

    def __init__(self) -> None:
        self.meta = SimpleNamespace(endpoint_url=URL, region_name="eu-west-1")
        self._receives = itertools.count()

    def receive_message(self, **_: object) -> dict[str, Any]:
        """Give ten new messages."""
        first = next(self._receives) * TEN
        now = str(round(SYSTEM_CLOCK.now() * 1000))
        return {
            "Messages": [
                {
                    "MessageId": f"message-{number}",
                    "ReceiptHandle": f"handle-{number}",
                    "Body": customer.model_dump_json(),
                    "Attributes": {
                        "ApproximateReceiveCount": "1",
                        "SentTimestamp": now,
                        "ApproximateFirstReceiveTimestamp": now,
                        "SequenceNumber": str(FIRST_SEQUENCE + number),
                        "MessageGroupId": customer.customer_id,
                        "MessageDeduplicationId": customer.customer_id,
                    },
                }
                for number, customer in enumerate(newcomers(first, TEN), first)
            ]
        }

    def delete_message_batch(self, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's
        """Confirm each."""
        return {"Successful": [{"Id": entry["Id"]} for entry in arguments["Entries"]]}

    def change_message_visibility_batch(self, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's
        """Confirm each."""
        return {"Successful": [{"Id": entry["Id"]} for entry in arguments["Entries"]]}

    def get_queue_attributes(self, **_: object) -> dict[str, Any]:
        """Say what the queue allows."""
        times = {"MessageRetentionPeriod": str(_RETENTION), "VisibilityTimeout": "180"}
        return {"Attributes": times}
