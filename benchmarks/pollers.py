"""What drains a backlog: `Drainer.poll`, and a loop written by hand."""

import json
import threading
from contextlib import closing
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.writers import SEQUENCE, upsert
from benchmarks.writes import TEN, Customer
from durable_ingest import Drainer, MySQL
from durable_ingest.testing.connection import connect

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from durable_ingest.report import BatchReport


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """A queue, and where its messages go."""

    client: "SQSClient"
    queue: str
    url: str
    """The database's."""
    size: int
    receivers: int


class Finish:
    """Counts to the end of a backlog, and notes when it is reached."""

    def __init__(self, backlog: int) -> None:
        self._left = backlog
        self._lock = threading.Lock()
        self._began = perf_counter()
        self.reached = threading.Event()
        self.seconds = 0.0

    def count(self, done: int) -> None:
        """Take so many messages as done."""
        with self._lock:
            self._left -= done
            if self._left <= 0 and not self.reached.is_set():
                self.seconds = perf_counter() - self._began
                self.reached.set()


def poll(backlog: Backlog) -> float:
    """Drain with the library; give the seconds."""

    def count(report: "BatchReport") -> None:
        finish.count(report.settled - report.undeleted)

    mysql = MySQL(backlog.url, ssl_mode="DISABLED")
    drainer = Drainer(mysql, SEQUENCE, on_report=count)
    finish = Finish(backlog.size)
    drainer.poll(backlog.queue, stop=finish.reached, receivers=backlog.receivers)
    return finish.seconds


def loop(backlog: Backlog) -> float:
    """Drain by hand, each receiver with a connection of its own; give the seconds."""
    finish = Finish(backlog.size)
    threads = [
        threading.Thread(target=_receive, args=(backlog, finish)) for _ in range(backlog.receivers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return finish.seconds


def _receive(backlog: Backlog, finish: Finish) -> None:
    client, queue = backlog.client, backlog.queue
    with closing(connect(backlog.url)) as connection:
        while not finish.reached.is_set():
            answer = client.receive_message(
                QueueUrl=queue, MaxNumberOfMessages=TEN, WaitTimeSeconds=1
            )
            messages = answer.get("Messages", [])
            if not messages:
                continue
            bodies = (json.loads(message["Body"]) for message in messages)
            customers = [Customer.model_validate(body) for body in bodies]
            with connection.cursor() as cursor:
                cursor.execute(*upsert(customers))
            client.delete_message_batch(
                QueueUrl=queue,
                Entries=[
                    {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"]}
                    for place, message in enumerate(messages)
                ],
            )
            finish.count(len(messages))
