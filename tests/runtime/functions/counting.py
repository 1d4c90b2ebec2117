"""A drainer of commands, which may hang before it answers too."""

from typing import Any

from durable_ingest import Drainer, Inbox, MySQL
from tests.runtime.functions.contracts import hang_at, visits

drainer = Drainer(MySQL.from_env(), visits, inbox=Inbox())


def handler(event: dict[str, Any], context: object) -> object:
    """Drain a batch."""
    answer = drainer.handle(event, context)
    hang_at("answer")
    return answer
