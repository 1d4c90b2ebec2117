"""What is stored, what is refused, and which write wins."""

from types import ModuleType

from durable_ingest.testing import IngestDatabase, IngestQueue, LambdaContext

from .requests import put

Functions = tuple[ModuleType, ...]


def test_a_row_holds_body_path_and_token(
    functions: Functions,
    ingest_mysql: IngestDatabase,
    ingest_queue: IngestQueue,
    ingest_context: LambdaContext,
) -> None:
    """Each column comes from where it can be trusted."""
    producer, drainer = functions
    producer.handler(put("c-1", notes="Calls on Mondays. \N{TELEPHONE RECEIVER}"), ingest_context)
    ingest_queue.deliver(drainer.handler)
    assert ingest_mysql.rows("customers") == [
        {
            "tenant_id": "acme",
            "customer_id": "c-1",
            "version": 1,
            "email": "ada@example.com",
            "name": "Ada Lovelace",
            "notes": "Calls on Mondays. \N{TELEPHONE RECEIVER}",
            "changed_by": "user-7",
            "phone": None,
        }
    ]


def test_a_refused_row_is_dead_lettered_and_its_group_goes_on(
    functions: Functions,
    ingest_mysql: IngestDatabase,
    ingest_queue: IngestQueue,
    ingest_context: LambdaContext,
) -> None:
    """The table has a CHECK that the model does not know; the other rows are not held up."""
    producer, drainer = functions
    producer.handler(put("c-1", email="nobody"), ingest_context)
    producer.handler(put("c-1", version=2), ingest_context)
    producer.handler(put("c-2"), ingest_context)
    delivery = ingest_queue.deliver(drainer.handler)
    [letter] = delivery.dead_lettered
    assert letter.body["email"] == "nobody"
    assert "an_address" in letter.reason
    assert len(delivery.stored) == 2
    assert [row["version"] for row in ingest_mysql.rows("customers")] == [2, 1]


def test_a_stale_write_loses(
    functions: Functions,
    ingest_mysql: IngestDatabase,
    ingest_queue: IngestQueue,
    ingest_context: LambdaContext,
) -> None:
    """A client that sends an old version late changes nothing; the message is done with."""
    producer, drainer = functions
    producer.handler(put("c-1", version=2, name="New"), ingest_context)
    ingest_queue.deliver(drainer.handler)
    producer.handler(put("c-1", version=1, name="Old"), ingest_context)
    assert len(ingest_queue.deliver(drainer.handler).stored) == 1
    assert ingest_mysql.rows("customers")[0]["name"] == "New"


def test_tenants_whose_names_differ_in_case_alone_share_nothing(
    functions: Functions,
    ingest_mysql: IngestDatabase,
    ingest_queue: IngestQueue,
    ingest_context: LambdaContext,
) -> None:
    """Under MySQL's default collation they would be one."""
    producer, drainer = functions
    for tenant in ("acme", "Acme"):
        claims = {"sub": "user-7", "tenant_id": tenant}
        producer.handler(put("c-1", claims=claims, name=tenant), ingest_context)
    ingest_queue.deliver(drainer.handler)
    rows = ingest_mysql.rows("customers")
    assert [(row["tenant_id"], row["name"]) for row in rows] == [("Acme", "Acme"), ("acme", "acme")]
