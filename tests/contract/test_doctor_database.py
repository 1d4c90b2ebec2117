"""Every fault of a database that the doctor looks for, planted in a real one; and none."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, StringConstraints, create_model

from durable_ingest import Command, Drainer, Inbox, MySQL, Table
from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.contract import Contract
from durable_ingest.doctor.asking import Asker
from durable_ingest.doctor.catalogue import CHECKS, Severity, part_of
from durable_ingest.doctor.checkup import Checkup, Choice, check_up
from durable_ingest.doctor.findings import Finding
from durable_ingest.doctor.servers import check_server
from durable_ingest.mysql.inspection import ServerFacts, inspect
from durable_ingest.testing.waiting import free_port
from tests.contract import store_kit
from tests.contract.accounts import Account, account, documented
from tests.contract.store_kit import Bench

pytestmark = pytest.mark.database
bench = store_kit.bench

IN_AWS = ("mapping", "function", "queue", "dead_letters")
IN_MYSQL = ("database", "table", "inbox")
ON_THE_SERVER = {
    "database.connections",
    "database.durability",
    "database.max_packet",
    "database.read_only",
    "database.sql_mode",
    "database.time_zone",
    "database.tls",
    "database.version",
}
"""What only whoever owns a server can do wrong: tested on the facts of this one."""


class Item(BaseModel):
    """A small row, no wider than its table."""

    id: str = Field(max_length=20)
    name: str = Field(max_length=40)
    n: int = Field(ge=-(2**63), lt=2**63)
    price: Decimal = Field(max_digits=10, decimal_places=2)
    at: datetime
    note: Annotated[str, Field(max_length=10)] | None = None


ITEMS = Table("items", Item, key="id", sequence="seq")
MADE = (
    "CREATE TABLE items ("
    "id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY,"
    " name VARCHAR(40) NOT NULL, n BIGINT NOT NULL, price DECIMAL(10,2) NOT NULL,"
    " at DATETIME(6) NOT NULL, note VARCHAR(10) NULL, seq DECIMAL(39,0) NULL"
    ") DEFAULT CHARSET utf8mb4"
)


@pytest.fixture
def clerk(bench: Bench) -> Iterator[Account]:
    """Give a drainer's user, with the documented rights on the table and the inbox."""
    bench.sql(MADE)
    Inbox().create(MySQL(bench.url))
    with account(bench.server) as made:
        made.grant(documented("drainer")["app.customers"], f"`{bench.name}`.items")
        inbox = f"`{bench.name}`.durable_ingest_inbox"
        made.grant(documented("drainer")["app.durable_ingest_inbox"], inbox)
        yield made


def looked(
    mysql: MySQL,
    *contracts: Contract,
    inbox: Inbox | None = None,
    ignored: tuple[str, ...] = (),
) -> Checkup:
    """Look at the database alone."""
    drainer = Drainer(mysql, *contracts, inbox=inbox)
    choice = Choice(only=IN_MYSQL, ignored=ignored)
    return check_up(drainer.setup, choice, Asker(None), SYSTEM_CLOCK)


class Place:
    """A database to plant faults in."""

    def __init__(self, bench: Bench, clerk: Account) -> None:
        self.bench, self.clerk = bench, clerk
        self.inbox: Inbox | None = Inbox()
        self.contract: Contract = ITEMS
        self.mysql = MySQL(clerk.url(bench.url))

    def sql(self, text: str) -> None:
        """Change the database."""
        self.bench.sql(text)

    def look(self) -> Checkup:
        """Look, but at how the test's server is set."""
        contracts = [self.contract]
        return looked(self.mysql, *contracts, inbox=self.inbox, ignored=tuple(ON_THE_SERVER))


@pytest.fixture
def place(bench: Bench, clerk: Account) -> Place:
    """One with nothing wrong with it."""
    return Place(bench, clerk)


def test_nothing_is_wrong_with_what_is_right(place: Place) -> None:
    """Not even a note, with the documented rights alone."""
    done = place.look()
    assert done.findings == []
    assert done.looked_at == {"database": "127.0.0.1"}


def model(**fields: Any) -> Callable[[Place], None]:  # noqa: ANN401 - pydantic's
    """Put another model in the contract's place."""

    def plant(place: Place) -> None:
        made = create_model("Changed", __base__=Item, **fields)
        place.contract = Table("items", made, key="id", sequence="seq")

    return plant


def sql(text: str) -> Callable[[Place], None]:
    """Change the database."""
    return lambda place: place.sql(text)


def wrong_password(place: Place) -> None:
    """The secret is out of date."""
    user = place.clerk.user
    place.mysql = MySQL(place.mysql.url.replace(f"{user}:", f"{user}:not-"))


def commands(place: Place) -> None:
    """A contract that is no table."""
    place.contract = Command("order", Item, group="id", apply=lambda _cursor, _record: None)


def unguarded(place: Place) -> None:
    """Neither a guard nor an inbox."""
    place.contract, place.inbox = Table("items", Item, key="id"), None


def forgetful(place: Place) -> None:
    """Messages are forgotten before they are gone."""
    place.inbox = Inbox(keep=timedelta(days=7))


def used_up(place: Place) -> None:
    """A counter beside the key, far on."""
    place.sql("ALTER TABLE items ADD row_no TINYINT UNSIGNED NOT NULL AUTO_INCREMENT UNIQUE")
    place.sql("ALTER TABLE items AUTO_INCREMENT = 210")


PLANTED: dict[str, Callable[[Place], None]] = {
    "database.connection": wrong_password,
    "database.character_set": sql("ALTER DATABASE CHARACTER SET latin1"),
    "database.grants": lambda place: place.clerk.grant("DELETE", f"`{place.bench.name}`.items"),
    "database.commands": commands,
    "table.contract": sql("ALTER TABLE items DROP COLUMN name"),
    "table.privileges": lambda p: p.clerk.revoke("UPDATE", f"`{p.bench.name}`.items"),
    "table.auto_increment": used_up,
    "table.unique": sql("ALTER TABLE items ADD UNIQUE by_name (name)"),
    "table.null": sql("ALTER TABLE items MODIFY note VARCHAR(10) NOT NULL"),
    "table.rounding": model(price=(Decimal, Field(max_digits=10, decimal_places=3))),
    "table.character_set": sql("ALTER TABLE items MODIFY name VARCHAR(40) CHARACTER SET latin1"),
    "table.width": model(name=(str, Field(max_length=41))),
    "table.range": sql("ALTER TABLE items MODIFY n INT NOT NULL"),
    "table.key_collation": sql(
        "ALTER TABLE items MODIFY id VARCHAR(20) CHARACTER SET ascii COLLATE ascii_general_ci"
    ),
    "table.guard": unguarded,
    "inbox.table": sql("DROP TABLE durable_ingest_inbox"),
    "inbox.privileges": lambda p: p.clerk.revoke(
        "SELECT", f"`{p.bench.name}`.durable_ingest_inbox"
    ),
    "inbox.keep": forgetful,
}


def test_every_check_of_a_database_is_planted() -> None:
    """Here, or on the facts of a server."""
    assert set(PLANTED) | ON_THE_SERVER == {n for n in CHECKS if part_of(n) in IN_MYSQL}


@pytest.mark.parametrize("check", PLANTED)
def test_a_fault_is_found_as_bad_as_it_is(place: Place, check: str) -> None:
    """By its name, with what it costs and what mends it; and nothing else is said."""
    PLANTED[check](place)
    found = only(place.look())
    assert (found.check, found.severity) == (check, CHECKS[check].worst)
    assert found.cost
    assert found.remedy


def only(done: Checkup) -> Finding:
    """Give the one finding."""
    assert len(done.findings) == 1, done.findings
    return done.findings[0]


# The server


def facts(bench: Bench) -> ServerFacts:
    """Ask this server."""
    return inspect(MySQL(bench.url), [], None, SYSTEM_CLOCK).server


def changed(server: ServerFacts, **changes: object) -> ServerFacts:
    """Give the facts of another server."""
    given = {name: getattr(server, name) for name in ServerFacts.__dataclass_fields__}
    return ServerFacts(**(given | {"flush": 1} | changes))


SERVERS: dict[str, dict[str, object]] = {
    "database.durability": {"flush": 2},
    "database.max_packet": {"max_packet": 1_048_576},
    "database.read_only": {"read_only": True},
    "database.sql_mode": {"sql_mode": "ONLY_FULL_GROUP_BY"},
    "database.time_zone": {"time_zone": "Europe/Berlin"},
    "database.tls": {"loopback": False, "encrypted": False},
    "database.version": {"version": "5.7.44-log"},
    "database.connections": {"max_connections": 5},
}


@pytest.mark.parametrize("check", sorted(ON_THE_SERVER))
def test_a_servers_fault_is_found(bench: Bench, check: str) -> None:
    """On the facts of the real one, which has none but what its tests need."""
    real = facts(bench)
    assert check_server(changed(real), concurrency=5) == []
    [found] = check_server(changed(real, **SERVERS[check]), concurrency=5)
    assert (found.check, found.severity) == (check, CHECKS[check].worst)


def test_what_the_server_says_is_what_is_so(bench: Bench) -> None:
    """Each fact that the checks go by, set on the server and read back."""
    variables = {
        "innodb_flush_log_at_trx_commit": ("flush", 1),
        "sql_mode": ("sql_mode", "'ANSI_QUOTES'"),
        "time_zone": ("time_zone", "'+05:00'"),
        "max_connections": ("max_connections", 77),
    }
    for name, (fact, value) in variables.items():
        [[before]] = bench.root(f"SELECT @@global.{name}")
        try:
            bench.root(f"SET GLOBAL {name} = {value}")
            assert str(getattr(facts(bench), fact)) == str(value).strip("'")
        finally:
            again = f"'{before}'" if isinstance(before, str) else before
            bench.root(f"SET GLOBAL {name} = {again}")


def test_a_read_only_server_is_seen(bench: Bench) -> None:
    """As after a failover, or at a reader endpoint."""
    bench.server.read_only(on=True)
    try:
        assert facts(bench).read_only
    finally:
        bench.server.read_only(on=False)
    assert not facts(bench).read_only


@pytest.mark.parametrize(
    ("version", "old"),
    [
        ("8.0.mysql_aurora.3.10.6", False),
        ("8.4.4", False),
        ("9.7.0", False),
        ("5.7.mysql_aurora.2.11.1", True),
        ("10.5.28-MariaDB", True),
        ("10.11.19-MariaDB-0+deb12u1", False),
    ],
)
def test_versions(bench: Bench, version: str, old: bool) -> None:  # noqa: FBT001 - a case's answer
    """Aurora's begin with MySQL's."""
    found = check_server(changed(facts(bench), version=version), concurrency=None)
    assert [each.check for each in found] == ["database.version"] * old


@pytest.mark.parametrize(
    ("mode", "loopback", "wrong"),
    [("VERIFY_IDENTITY", False, 0), ("REQUIRED", False, 1), ("REQUIRED", True, 0)],
)
def test_tls_has_to_verify(bench: Bench, mode: str, loopback: bool, wrong: int) -> None:  # noqa: FBT001 - cases
    """But to this machine, where nobody listens."""
    verified = mode == "VERIFY_IDENTITY"
    server = changed(facts(bench), encrypted=True, verified=verified, loopback=loopback)
    found = check_server(server, concurrency=None)
    assert [each.check for each in found] == ["database.tls"] * wrong


# Rights and reach


def test_a_server_that_is_away_is_not_seen() -> None:
    """Which says nothing of the function's own way to it."""
    away = MySQL(f"mysql://user:hunter2@127.0.0.1:{free_port()}/app", connect_timeout=0.5)
    found = only(looked(away, ITEMS))
    assert (found.check, found.severity) == ("database", Severity.UNSEEN)
    assert "hunter2" not in repr(found)


def test_a_secret_that_this_reader_may_not_fetch_is_not_seen() -> None:
    """Whether the function may is another matter."""

    class Denied:
        def get_secret_value(self, **_: object) -> None:
            raise OSError

    mysql = MySQL.from_secret("drainer", host="db.example", database="app", client=Denied())
    found = only(looked(mysql, ITEMS))
    assert (found.check, found.severity) == ("database", Severity.UNSEEN)


def test_a_model_of_a_database_is_not_seen() -> None:
    """A drainer may have another database than MySQL, in tests."""

    class Other:
        def open(self, *_: object) -> None:
            """Make nothing."""

    drainer = Drainer(Other(), ITEMS)  # type: ignore[arg-type]
    choice = Choice(only=IN_MYSQL)
    found = only(check_up(drainer.setup, choice, Asker(None), SYSTEM_CLOCK))
    assert (found.check, found.severity) == ("database", Severity.UNSEEN)


@pytest.mark.parametrize("right", ["SELECT", "INSERT", "UPDATE"])
def test_each_right_is_needed(place: Place, right: str) -> None:
    """And the grant is named; without writing a row."""
    place.clerk.revoke(right, f"`{place.bench.name}`.items")
    found = only(place.look())
    assert found.check in {"table.privileges", "table.contract"}
    assert "GRANT SELECT, INSERT, UPDATE ON items" in found.remedy
    assert place.bench.sql("SELECT COUNT(*) FROM items") == [(0,)]


def test_rights_on_the_columns_do(place: Place) -> None:
    """Where all of them are named."""
    table = f"`{place.bench.name}`.items"
    place.clerk.revoke("SELECT, INSERT, UPDATE", table)
    listed = "(id, name, n, price, at, note, seq)"
    place.clerk.grant(f"SELECT {listed}, INSERT {listed}, UPDATE {listed}", table)
    assert place.look().findings == []
    place.clerk.revoke("INSERT (note)", table)
    assert only(place.look()).check == "table.privileges"


def test_no_row_is_written_and_no_counter_moves(place: Place) -> None:
    """The server only plans."""
    used_up(place)
    before = place.bench.sql("SHOW CREATE TABLE items")
    place.look()
    assert place.bench.sql("SHOW CREATE TABLE items") == before
    assert place.bench.sql("SELECT COUNT(*) FROM items") == [(0,)]
    assert place.bench.sql("SELECT COUNT(*) FROM durable_ingest_inbox") == [(0,)]


# Counters


def test_a_counter_is_seen_as_it_is_now(place: Place) -> None:
    """MySQL shows what was so up to a day ago, unless it is asked otherwise."""
    place.sql("ALTER TABLE items ADD row_no TINYINT UNSIGNED NOT NULL AUTO_INCREMENT UNIQUE")
    assert place.look().findings == []
    place.sql(
        "INSERT INTO items (id, name, n, price, at, row_no) VALUES ('a', '', 1, 1, NOW(), 240)"
    )
    found = only(place.look())
    assert found.check == "table.auto_increment"
    assert "241 of 255" in found.what


def test_a_used_up_counter_looks_like_a_taken_value(place: Place) -> None:
    """Which is why it has a check of its own: the message is held, and then dead-lettered."""
    place.sql("ALTER TABLE items ADD row_no TINYINT UNSIGNED NOT NULL AUTO_INCREMENT UNIQUE")
    place.sql(
        "INSERT INTO items (id, name, n, price, at, row_no) VALUES ('a', '', 1, 1, NOW(), 255)"
    )
    drain = place.bench.drain(ITEMS, url=place.clerk.url(place.bench.url))
    body = {"id": "b", "name": "", "n": 1, "price": "1.00", "at": "2026-01-01T00:00:00Z"}
    assert "AUTO_INCREMENT" in drain(body).held[0]
    assert only(place.look()).check == "table.auto_increment"


def test_a_counter_whose_values_are_given_is_no_matter(bench: Bench) -> None:
    """Producers decide on them."""

    class Row(BaseModel):
        id: int = Field(ge=-128, le=127)

    bench.sql("CREATE TABLE given (id TINYINT AUTO_INCREMENT PRIMARY KEY, seq DECIMAL(39,0))")
    bench.sql("ALTER TABLE given AUTO_INCREMENT = 126")
    table = Table("given", Row, key="id", sequence="seq")
    done = looked(MySQL(bench.url), table, ignored=(*ON_THE_SERVER, "database"))
    assert done.findings == []


# Columns


class Colour(StrEnum):
    """Its longest text has 6 characters."""

    RED = "red"
    YELLOW = "yellow"


Texts = Annotated[str, StringConstraints(max_length=5)]
NOTHING = ""


@pytest.mark.parametrize(
    ("type_", "field", "check"),
    [
        ("VARCHAR(5)", str, "table.width"),
        ("VARCHAR(5)", Texts, NOTHING),
        ("VARCHAR(4)", Texts, "table.width"),
        ("VARCHAR(4)", Texts | None, "table.width"),
        ("VARCHAR(5)", Annotated[str, Field(pattern="^.{1,5}$")], NOTHING),
        ("VARCHAR(6)", Colour, NOTHING),
        ("VARCHAR(5)", Colour, "table.width"),
        ("VARCHAR(3)", Literal["red", "blue"], "table.width"),
        ("VARCHAR(4)", Literal["red", "blue"], NOTHING),
        ("TEXT", str, "table.width"),
        ("MEDIUMTEXT", str, NOTHING),
        ("VARBINARY(5)", bytes, "table.width"),
        ("JSON", list[str], NOTHING),
        ("INT", int, "table.range"),
        ("INT UNSIGNED", Annotated[int, Field(ge=0, lt=2**32)], NOTHING),
        ("INT UNSIGNED", Annotated[int, Field(gt=-2, lt=2**32)], "table.range"),
        ("INT", Annotated[int, Field(ge=0, lt=2**32)], "table.range"),
        ("INT", Annotated[int, Field(gt=-5, le=5)], NOTHING),
        ("BOOLEAN", bool, NOTHING),
        ("DECIMAL(10,2)", Annotated[Decimal, Field(max_digits=10, decimal_places=2)], NOTHING),
        (
            "DECIMAL(10,2)",
            Annotated[Decimal, Field(max_digits=12, decimal_places=2)],
            "table.range",
        ),
        ("DECIMAL(38,2)", Annotated[Decimal, Field(max_digits=30)], "table.rounding"),
        ("DECIMAL(10,2)", float, "table.rounding"),
        ("DOUBLE", float, NOTHING),
        ("FLOAT", float, "table.rounding"),
        ("DOUBLE", Annotated[Decimal, Field(max_digits=10, decimal_places=2)], "table.rounding"),
        ("BIGINT", float, "table.rounding"),
        ("DATETIME(6)", datetime, NOTHING),
        ("DATETIME(3)", datetime, "table.rounding"),
        ("DATE", datetime, "table.rounding"),
        ("DATE", date, NOTHING),
        ("TIME(6)", time, NOTHING),
        ("TIME", timedelta, "table.rounding"),
        ("VARCHAR(5) CHARACTER SET latin1", Texts, "table.character_set"),
        ("VARCHAR(5) NOT NULL", Texts | None, "table.null"),
    ],
)
def test_a_column_holds_what_its_field_lets_through(
    bench: Bench,
    type_: str,
    field: Any,  # noqa: ANN401 - an annotation
    check: str,
) -> None:
    """By what the server says of the column, and pydantic of the field."""
    bench.sql(
        f"CREATE TABLE made (id BIGINT PRIMARY KEY, value {type_}, seq DECIMAL(39,0))"
        " DEFAULT CHARSET utf8mb4"
    )
    bounded = Annotated[int, Field(ge=0, lt=2**63)]
    row = create_model("Row", id=(bounded, ...), value=(field, ...))
    table = Table("made", row, key="id", sequence="seq")
    found = looked(MySQL(bench.url), table, ignored=("database",)).findings
    assert [each.check for each in found] == [check] * bool(check)
    if found:
        assert found[0].severity is CHECKS[check].worst


def test_an_index_on_an_expression_is_one_more(place: Place) -> None:
    """MySQL names no column for it; MariaDB takes a computed column instead."""
    maria = "MariaDB" in str(place.bench.sql("SELECT VERSION()"))
    if maria:
        place.sql(
            "ALTER TABLE items ADD low VARCHAR(40) AS (LOWER(name)) STORED, ADD UNIQUE (low, name)"
        )
    else:
        place.sql("ALTER TABLE items ADD UNIQUE by_low ((LOWER(name)))")
    assert only(place.look()).check == "table.unique"
