"""A function's process: drains the events that it reads, one a line, and says what became of each.

Arguments: the database's URL, the table's name, its guard column or "", its time-outs in seconds.
"""

import json
import sys
from typing import Any

from pydantic import BaseModel

from durable_ingest import Drainer, MySQL, Retry, Table
from durable_ingest.errors import BatchHeldError
from durable_ingest.testing import LambdaContext


class Item(BaseModel):
    """The row of `store_kit.ITEMS` and `store_kit.SEQUENCED`."""

    id: int
    name: str


class Sqs:
    """Plays a boto3 client: whatever it is asked for is done."""

    def __init__(self) -> None:
        self.meta = self
        self.endpoint_url = "https://sqs.eu-west-1.amazonaws.com"

    def __getattr__(self, _: str) -> Any:  # noqa: ANN401 - an operation
        return lambda **asked: {"Successful": [{"Id": e["Id"]} for e in asked["Entries"]]}


def main(url: str, name: str, guard: str, read_timeout: str) -> None:
    """Answer every line."""
    table = Table(name, Item, key="id", sequence=guard or None)
    mysql = MySQL(url, ssl_mode="DISABLED", read_timeout=float(read_timeout))
    drainer = Drainer(mysql, table, retry=Retry(patience=5.0, reserve=0.5), client=Sqs())
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            drainer.handle(asked["event"], LambdaContext(asked["seconds"]))
            answer = {}
        except BatchHeldError as error:
            answer = error.held
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
