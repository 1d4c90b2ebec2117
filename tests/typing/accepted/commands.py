"""A team's command."""

from pydantic import BaseModel
from pymysql.cursors import Cursor

from durable_ingest import Command, Drainer, Inbox, MySQL, Reject


class TakeStock(BaseModel):
    """Take so many of one kind."""

    sku: str
    quantity: int


def take(cursor: Cursor, record: TakeStock) -> None:
    """Take them, if they are there."""
    changed = cursor.execute(
        "UPDATE stock SET quantity = quantity - %s WHERE sku = %s AND quantity >= %s",
        (record.quantity, record.sku, record.quantity),
    )
    if changed == 0:
        reason = f"not enough of {record.sku}"
        raise Reject(reason)


take_stock = Command("take_stock", TakeStock, group="sku", apply=take)
drainer = Drainer(MySQL.from_env(), take_stock, inbox=Inbox())
Inbox("done").create(MySQL.from_env())
pruned: int = Inbox().prune(MySQL.from_env(), within=10.0)
