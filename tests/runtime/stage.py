"""What the functions of these tests stand on, and what they are invoked with."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from durable_ingest.testing import (
    EventSource,
    IngestDatabase,
    IngestQueue,
    Invocation,
    http_event,
)
from tests.runtime.lambda_process import LambdaProcess

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "customer_api"
CLAIMS = {"tenant_id": "acme", "sub": "u1"}
LONGEST = 120.0
"""Seconds that a mapping gives a handler; to end it sooner is up to the runtime."""


@dataclass
class Stage:
    """A queue, a database, and the functions that run on them until the test ends."""

    database: IngestDatabase
    queue: IngestQueue
    running: ExitStack

    def function(
        self, handler: str, folder: Path = EXAMPLE / "src", *, timeout: int = 30, **settings: str
    ) -> LambdaProcess:
        """Start a function, one of the example's unless a folder is given."""
        env = {
            "QUEUE_URL": self.queue.url,
            "DLQ_URL": self.queue.dead_letter_url,
            "DURABLE_INGEST_MYSQL_URL": self.database.url,
            "AWS_ENDPOINT_URL_SQS": self.queue.endpoint_url,
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            **settings,
        }
        return self.running.enter_context(LambdaProcess(handler, folder, env, timeout=timeout))

    def own_function(self, module: str, **settings: Any) -> LambdaProcess:  # noqa: ANN401 - its own
        """Start one of the functions that lie beside these tests."""
        return self.function(f"tests.runtime.functions.{module}.handler", ROOT, **settings)

    def deliver(self, function: LambdaProcess, *, reports: bool = False) -> Invocation:
        """Deliver one batch as an event source mapping does: delete what the answer settles."""
        mapping = EventSource(
            self.queue.client,
            self.queue.url,
            lambda: function.invoke,
            function_timeout=LONGEST,
            report_batch_item_failures=reports,
        )
        invocation = mapping.step()
        assert invocation is not None, "nothing was received"
        return invocation

    def end_visibility_timeouts(self, invocation: Invocation) -> None:
        """Let what was not deleted be received again."""
        for record in invocation.event["Records"]:
            if record["messageId"] not in invocation.deleted:
                self.queue.client.change_message_visibility(
                    QueueUrl=self.queue.url,
                    ReceiptHandle=record["receiptHandle"],
                    VisibilityTimeout=0,
                )

    def customers(self) -> dict[str, str]:
        """Give the name of each customer."""
        return {row["customer_id"]: row["name"] for row in self.database.rows("customers")}

    def sessions(self) -> list[int]:
        """List the ids of the functions' connections."""
        sql = (
            "SELECT id FROM information_schema.processlist"
            " WHERE db = DATABASE() AND id <> CONNECTION_ID()"
        )
        return [int(row[0]) for row in self.database.execute(sql)]


def put(
    producer: LambdaProcess, customer: str, version: int, name: str, email: str = "a@example.com"
) -> dict[str, Any]:
    """Send a change to the example's producer, as the gateway would; return its answer."""
    event = http_event(
        {"version": version, "name": name, "email": email},
        method="PUT",
        path=f"/customers/{customer}",
        path_parameters={"customer_id": customer},
        claims=CLAIMS,
    )
    answer: dict[str, Any] = producer.invoke(event)
    return answer
