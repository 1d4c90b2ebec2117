"""A drainer that answers with the partial batch response, and has no dead-letter queue."""

from durable_ingest import Drainer, MySQL
from tests.runtime.functions.contracts import items

handler = Drainer(MySQL.from_env(), items, acknowledge="report").handle
