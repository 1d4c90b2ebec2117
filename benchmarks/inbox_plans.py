"""How the server finds what the library asks of an inbox."""

from contextlib import closing
from typing import TYPE_CHECKING, Final

import pymysql.cursors

from benchmarks.report import Section
from benchmarks.writers import PLAIN
from benchmarks.writes import batch, event
from durable_ingest import Drainer, MySQL
from durable_ingest.testing import Action, LambdaContext, TcpProxy
from durable_ingest.testing.connection import Address, connect

if TYPE_CHECKING:
    from durable_ingest import Inbox

Plans = dict[str, dict[str, object]]
COLUMNS: Final = ("type", "key", "rows", "Extra")
_BEGINS: Final = {
    "which of ten are done": b"\x03SELECT `dedup_id`",
    "prune": b"\x03DELETE",
}
NOTE: Final = (
    "What EXPLAIN says on the full inbox of the statements that the library sent. New messages are"
    " inserted and nothing is read; which are done is asked where the INSERT found one that is."
)


def explained(url: str, inbox: "Inbox") -> Plans:
    """Have a batch delivered twice and the inbox pruned, and explain the statements sent."""
    address = Address.parse(url)
    sent: list[bytes] = []

    def note(request: bytes) -> Action:
        sent.append(request)
        return Action.PASS

    with TcpProxy(address.port, address.host, on_request=note, without_tls=True) as proxy:
        mysql = MySQL(proxy.url(url), ssl_mode="DISABLED")
        drainer = Drainer(mysql, PLAIN, inbox=inbox)
        for _ in range(2):
            drainer.handle(event(batch(0)), LambdaContext(86_400))
        inbox.prune(mysql)
    with (
        closing(connect(url)) as connection,
        connection.cursor(pymysql.cursors.DictCursor) as cursor,
    ):
        found: Plans = {}
        for what, begins in _BEGINS.items():
            statement = next(request[1:] for request in sent if request.startswith(begins))
            cursor.execute(f"EXPLAIN FORMAT=TRADITIONAL {statement.decode()}")
            [found[what]] = cursor.fetchall()
    return found


def plans(found: Plans) -> Section:
    """Make rows of the plans."""
    rows = [[what, *(str(plan[column]) for column in COLUMNS)] for what, plan in found.items()]
    data = {what: {column: plan[column] for column in COLUMNS} for what, plan in found.items()}
    headings = ["asked of it", "type", "key", "rows", "more"]
    return Section("Plans on the inbox", headings, rows, [], data, NOTE)
