"""No row content and no password in a log, an exception's text or a dead letter's attributes."""

import json
import logging
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, model_validator

from durable_ingest import Command, Drainer, Inbox, MySQL, Table
from durable_ingest.errors import BatchHeldError
from durable_ingest.testing import LambdaContext
from durable_ingest.testing.connection import Address
from durable_ingest.testing.waiting import free_port
from tests.contract import drainer_kit as kit
from tests.contract.drainer_kit import World

pytestmark = [pytest.mark.database, pytest.mark.queue]
desk = kit.desk_fixture
world = kit.world_fixture

SECRET = "s3cr3t-Zq7"
NUMBER = 70_717_171


class Person(BaseModel):
    """A row with something to hide in every field."""

    person_id: int
    email: str
    nickname: str | None = None
    age: int = 1
    parent: str | None = None
    details: dict[str, int] = {}
    people: dict[str, "Nested"] = {}

    @model_validator(mode="after")
    def check(self) -> "Person":
        """Refuse, and repeat the value, as validators do."""
        if self.nickname == f"{SECRET}!":
            message = f"{self.nickname} is no nickname"
            raise ValueError(message)
        return self


class Nested(BaseModel):
    """A nested value."""

    name: str = ""


GOOD: dict[str, Any] = {"person_id": NUMBER, "email": f"{SECRET}@x", "nickname": SECRET}
BODIES: dict[str, Any] = {
    "too long": GOOD | {"nickname": SECRET * 10},
    "out of range": GOOD | {"age": NUMBER},
    "check": GOOD | {"nickname": f"{SECRET}?"},
    "no parent": GOOD | {"parent": SECRET},
    "null": GOOD | {"email": None},
    "null in the database": GOOD | {"nickname": None},
    "taken": GOOD | {"person_id": 2, "email": f"constraint '{SECRET}' taken"},
    "taken by a move": GOOD | {"person_id": 1, "email": f"constraint '{SECRET}' taken"},
    "no JSON": f"{SECRET} {NUMBER}",
    "cut": json.dumps(GOOD)[:-1],
    "wrong type": GOOD | {"person_id": SECRET},
    "validator": GOOD | {"nickname": f"{SECRET}!"},
    "key of a mapping": GOOD | {"details": {SECRET: "x"}},
    "unknown field": GOOD | {"new_column": SECRET},
    "unknown nested field": GOOD | {"people": {"a": {"name": SECRET, "town": SECRET}}},
    "unknown field below a key": GOOD | {"people": {SECRET: {"name": "", "town": "x"}}},
    "trigger": GOOD | {"nickname": f"{SECRET}#"},
    "surrogate": '{"person_id": 1, "email": "' + SECRET + '\\ud800"}',
    "stored": GOOD,
}


def people(world: World) -> Table:
    """Create a table that refuses in every way."""
    world.sql("CREATE TABLE parents (name VARCHAR(40) PRIMARY KEY)")
    world.sql(
        "CREATE TABLE people (person_id BIGINT PRIMARY KEY, email VARCHAR(60) NOT NULL UNIQUE,"
        " nickname VARCHAR(40) NOT NULL, age TINYINT, parent VARCHAR(40), details JSON,"
        " people JSON, CONSTRAINT no_question CHECK (nickname NOT LIKE '%?'),"
        " FOREIGN KEY (parent) REFERENCES parents (name))"
    )
    world.sql(
        "CREATE TRIGGER refuse BEFORE INSERT ON people FOR EACH ROW BEGIN"
        " IF NEW.nickname LIKE '%%#' THEN"
        " SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = NEW.nickname; END IF; END"
    )
    world.sql(
        "INSERT INTO people (person_id, email, nickname) VALUES (1, 'one', 'n'), (9, %s, 'n')",
        [f"constraint '{SECRET}' taken"],
    )
    return Table("people", Person, key="person_id")


def said(
    world: World,
    caplog: pytest.LogCaptureFixture,
    mysql: MySQL | None,
    body: Any,  # noqa: ANN401
) -> str:
    """Handle a batch; give all that was said about it where others can read it."""
    drainer = world.drainer(people(world), mysql=mysql)
    event = {"Records": [world.record(body, group="A"), world.record(GOOD, group="A")]}
    return said_of(world, caplog, drainer, event)


def said_of(
    world: World, caplog: pytest.LogCaptureFixture, drainer: Drainer, event: dict[str, Any]
) -> str:
    """Handle an event; give what every logger, the exception and the dead letters say.

    But botocore's and urllib3's: at DEBUG they log requests as they are.
    """
    caplog.set_level(logging.DEBUG)
    texts = []
    try:
        texts.append(repr(drainer.handle(event, LambdaContext(20))))
    except BatchHeldError as error:
        texts += [str(error), repr(error.held), *traceback.format_exception(error)]
    texts += [
        caplog.handler.format(record)
        for record in caplog.records
        if record.name.partition(".")[0] not in ("botocore", "boto3", "urllib3")
    ]
    texts += [json.dumps(letter["MessageAttributes"]) for letter in world.dead()]
    return "\n".join(texts)


@pytest.mark.parametrize("body", BODIES)
def test_no_row_content_is_said(world: World, caplog: pytest.LogCaptureFixture, body: str) -> None:
    """MySQL's and pydantic's own texts quote it; what the library says does not."""
    text = said(world, caplog, None, BODIES[body])
    assert SECRET not in text
    assert str(NUMBER) not in text
    if body != "stored":
        assert "held" in text or "dead-lettered" in text, "something has to be said"


def duplicate(cursor: Any, record: Person) -> None:  # noqa: ANN401 - PyMySQL's cursor
    """Take a name twice."""
    for _ in range(2):
        cursor.execute("INSERT INTO parents VALUES (%s)", (record.email,))


def too_long(cursor: Any, record: Person) -> None:  # noqa: ANN401 - PyMySQL's cursor
    """Write what does not fit."""
    cursor.execute("INSERT INTO parents VALUES (%s)", (record.email * 20,))


def no_sql(cursor: Any, record: Person) -> None:  # noqa: ANN401 - PyMySQL's cursor
    """Let the server repeat a statement in its error."""
    cursor.execute(f"SELECT {record.email}")


def ends(cursor: Any, record: Person) -> None:  # noqa: ANN401 - PyMySQL's cursor
    """Try to end the transaction."""
    cursor.execute(f"COMMIT /* {record.email} */")


def breaks(cursor: Any, record: Person) -> None:  # noqa: ANN401 - PyMySQL's cursor
    """Raise another error, which holds the record."""
    del cursor
    raise KeyError(record)


def wrong_arguments(cursor: Any, record: Person) -> None:  # noqa: ANN401 - PyMySQL's cursor
    """Give PyMySQL what it cannot put into a statement."""
    cursor.execute("SELECT %s, %s", (record.email,))


@pytest.mark.parametrize("apply", [duplicate, too_long, no_sql, ends, breaks, wrong_arguments])
def test_nothing_of_what_a_command_does_is_said(
    world: World, caplog: pytest.LogCaptureFixture, apply: Callable[[Any, Any], None]
) -> None:
    """Neither its statements nor what it raises."""
    people(world)
    inbox = Inbox()
    mysql = MySQL(world.url, ssl_mode="DISABLED")
    inbox.create(mysql)
    drainer = Drainer(
        mysql,
        Command("people", Person, group="person_id", apply=apply),
        dead_letter_queue_url=world.queue.dead_letter_url,
        inbox=inbox,
        client=world.client,
        retry=kit.PROMPT,
    )
    text = said_of(world, caplog, drainer, {"Records": [world.record(GOOD, group="A")]})
    drainer._store.close()
    assert "held" in text or "dead-lettered" in text
    assert SECRET not in text
    assert str(NUMBER) not in text


def test_a_name_of_another_contract_is_no_secret(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The text names it, so that somebody can deploy it."""
    drainer = world.drainer(world.table())
    record = world.record(GOOD, group="A", attributes={"ingest.name": "orders"})
    with pytest.raises(BatchHeldError, match="orders"):
        drainer.handle({"Records": [record]}, LambdaContext())
    assert "orders" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "fault", ["wrong password", "refused", "unknown database", "no resolution"]
)
def test_no_password_is_said(
    world: World,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    """Nor a row, when no connection comes about."""
    address = Address.parse(world.url)
    urls = {
        "wrong password": f"mysql://{address.user}:{SECRET}@127.0.0.1:{address.port}/db",
        "refused": f"mysql://{address.user}:{SECRET}@127.0.0.1:{free_port()}/db",
        "unknown database": world.url.replace(address.database, "ingest_absent"),
        "no resolution": f"mysql://{address.user}:{SECRET}@database.invalid/db",
    }
    if fault == "no resolution":
        monkeypatch.setattr("durable_ingest.mysql.dial.socket.getaddrinfo", unresolved)
    text = said(world, caplog, MySQL(urls[fault]), GOOD)
    assert "held" in text
    assert SECRET not in text
    assert address.password not in text


def unresolved(host: str, *_: object, **__: object) -> list[Any]:
    """Answer as a resolver that does not know the name."""
    raise OSError(-2, f"Name or service not known: {host}")
