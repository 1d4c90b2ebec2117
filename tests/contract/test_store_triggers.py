"""Errors that a real server gives in a trigger, a partition or a computed column of a table.

One of five messages meets the error. Each case says what becomes of it, on either server.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pytest

from tests.contract import store_kit
from tests.contract.store_kit import ITEMS, ITEMS_TABLE, Bench, Drain, Outcome, sent
from tests.measured import measured

pytestmark = pytest.mark.database
bench = store_kit.bench

PLACE = 2
ALL = {0, 1, 2, 3, 4}
REST = [0, 1, 3, 4]
NUMBERED = (
    "CREATE TABLE items (number {} AUTO_INCREMENT PRIMARY KEY, id BIGINT NOT NULL UNIQUE,"
    " name VARCHAR(20) NOT NULL)"
)
STRICT = (
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,"
    "NO_ZERO_IN_DATE'"
)


@dataclass(frozen=True)
class Case:
    """How a fault is set up, the code that each server gives, and what becomes of the message.

    Codes are None where that server stores the row. "evidence": dead-lettered, since its
    neighbours are stored; "code": dead-lettered for its code alone; "table": its whole table is
    held; "dependent", "outage".
    """

    fault: Literal["evidence", "code", "table", "dependent", "outage"]
    mysql: int | None
    mariadb: int | None
    setup: tuple[str, ...]
    mend: tuple[str, ...] = ()
    root: bool = False


def trigger(*body: str) -> str:
    """Write a trigger that does something where a row is named "bad"."""
    statements = "; ".join(body)
    return (
        "CREATE TRIGGER refuse BEFORE INSERT ON items FOR EACH ROW"
        f" IF NEW.name = 'bad' THEN {statements}; END IF"
    )


def audit(columns: str, values: str, table: str = "audit") -> tuple[str, ...]:
    """Write a trigger that writes into another table."""
    insert = f"INSERT INTO {table} VALUES ({values})"  # noqa: S608 - constants
    return (ITEMS_TABLE, f"CREATE TABLE audit ({columns})", trigger(insert))


SIGNAL = "SIGNAL SQLSTATE '{}' SET MESSAGE_TEXT = 'refused'"
WITHOUT_TRIGGER = ("DROP TRIGGER refuse",)

CASES = {
    **{
        f"signal {state}": Case(
            "evidence", 1644, 1644, (ITEMS_TABLE, trigger(SIGNAL.format(state)))
        )
        for state in ("45000", "08S01", "22001", "23000", "25006", "40001", "42S02", "70100")
    },
    "signal not found": Case(
        "evidence", 1643, 1643, (ITEMS_TABLE, trigger("SIGNAL SQLSTATE '02000'"))
    ),
    "no partition": Case(
        "evidence",
        1526,
        1526,
        (ITEMS_TABLE + " PARTITION BY LIST (id) (PARTITION p VALUES IN (0, 1, 3, 4))",),
        ("ALTER TABLE items ADD PARTITION (PARTITION q VALUES IN (2))",),
    ),
    "subquery of two rows": Case(
        "evidence",
        1242,
        1242,
        (
            ITEMS_TABLE,
            "CREATE TABLE two (n INT)",
            "INSERT INTO two VALUES (1), (2)",
            trigger("SET @x = (SELECT n FROM two)"),
        ),
    ),
    "two rows into a variable": Case(
        "evidence",
        1172,
        1172,
        (
            ITEMS_TABLE,
            "CREATE TABLE two (n INT)",
            "INSERT INTO two VALUES (1), (2)",
            trigger("SELECT n INTO @x FROM two"),
        ),
    ),
    "no branch": Case(
        "evidence",
        1339,
        1339,
        (ITEMS_TABLE, trigger("CASE NEW.name WHEN 'good' THEN SET @x = 1; END CASE")),
    ),
    "wrong pattern": Case(
        "evidence", 3691, 1139, (ITEMS_TABLE, trigger("SET @x = 'a' REGEXP '('"))
    ),
    "text over the packet limit": Case(
        "evidence", 1301, 1301, (ITEMS_TABLE, trigger("SET NEW.name = REPEAT('x', 2000000000)"))
    ),
    "audit too short": Case("evidence", 1406, 1406, audit("note VARCHAR(2)", "'long'")),
    "audit out of range": Case("evidence", 1264, 1264, audit("note TINYINT", "1000")),
    "audit no number": Case("evidence", 1366, 1366, audit("note INT", "NEW.name")),
    "audit no date": Case("evidence", 1292, 1292, audit("note DATE", "NEW.name")),
    "audit NULL": Case("evidence", 1048, 1048, audit("note INT NOT NULL", "NULL")),
    "computed out of range": Case(
        "evidence",
        1264,
        1264,
        (ITEMS_TABLE, "ALTER TABLE items ADD c TINYINT AS (IF(name = 'bad', 1000, 1)) STORED"),
    ),
    "row larger than a page": Case(
        "evidence",
        1118,
        1118,
        (
            "CREATE TABLE items (id BIGINT PRIMARY KEY, name VARCHAR(20) NOT NULL, "
            + ", ".join(f"c{n} VARCHAR(1000) CHARACTER SET latin1" for n in range(15))
            + ") ROW_FORMAT=COMPACT",
            trigger(*(f"SET NEW.c{n} = REPEAT('x', 1000)" for n in range(15))),
        ),
        root=True,
    ),
    "expression out of range": Case(
        "code", 1690, 1690, (ITEMS_TABLE, trigger("SET @x = CAST(0 AS UNSIGNED) - NEW.id - 1"))
    ),
    "division by zero": Case(
        "code",
        1365,
        1365,
        (
            STRICT,
            ITEMS_TABLE,
            "CREATE TABLE audit (note INT)",
            trigger("INSERT INTO audit SELECT 1 / 0"),
        ),
    ),
    "no time for a function": Case(
        "code",
        1411,
        1411,
        (
            STRICT,
            ITEMS_TABLE,
            "CREATE TABLE audit (note DATE)",
            trigger("INSERT INTO audit SELECT STR_TO_DATE(NEW.name, '%Y-%m-%d')"),
        ),
    ),
    "no geometry": Case("code", 1416, 1416, audit("note GEOMETRY", "'x'")),
    "no JSON for a function": Case(
        "code", 3141, None, (ITEMS_TABLE, trigger("SET @x = JSON_EXTRACT(NEW.name, '$.a')"))
    ),
    "no JSON path": Case(
        "evidence", 3143, None, (ITEMS_TABLE, trigger("SET @x = JSON_EXTRACT('{}', NEW.name)"))
    ),
    "a trigger's unique value": Case(
        "dependent",
        1062,
        1062,
        (*audit("note VARCHAR(9) UNIQUE", "NEW.name"), "INSERT INTO audit VALUES ('bad')"),
        ("DELETE FROM audit",),
    ),
    "a trigger's parent": Case(
        "dependent",
        1452,
        1452,
        (
            ITEMS_TABLE,
            "CREATE TABLE parents (id BIGINT PRIMARY KEY)",
            "CREATE TABLE audit (id BIGINT, FOREIGN KEY (id) REFERENCES parents (id))",
            trigger("INSERT INTO audit VALUES (NEW.id)"),
        ),
        ("INSERT INTO parents VALUES (2)",),
    ),
    "a child that refers to the row": Case(
        "dependent",
        1451,
        1451,
        (
            ITEMS_TABLE,
            "ALTER TABLE items ADD UNIQUE (name, id)",
            "CREATE TABLE children (name VARCHAR(20), id BIGINT)",
            "ALTER TABLE children ADD FOREIGN KEY (name, id) REFERENCES items (name, id)",
            "INSERT INTO items VALUES (2, 'old')",
            "INSERT INTO children VALUES ('old', 2)",
        ),
        ("DELETE FROM children",),
    ),
    "missing table": Case(
        "table",
        1146,
        1146,
        (ITEMS_TABLE, trigger("INSERT INTO audit VALUES (1)")),
        ("CREATE TABLE audit (note INT)",),
    ),
    "missing column": Case(
        "table",
        1054,
        1054,
        (*audit("note INT", "1", "audit (other)"),),
        ("ALTER TABLE audit ADD other INT",),
    ),
    "other number of columns": Case(
        "table", 1136, 1136, audit("note INT, other INT", "1"), ("ALTER TABLE audit DROP other",)
    ),
    "no default": Case(
        "table",
        1364,
        1364,
        audit("note INT, other INT NOT NULL", "1", "audit (note)"),
        ("ALTER TABLE audit MODIFY other INT",),
    ),
    "missing function": Case(
        "table", 1305, 1305, (ITEMS_TABLE, trigger("SET @x = missing_function()")), WITHOUT_TRIGGER
    ),
    "own table": Case(
        "table", 1442, 1442, (ITEMS_TABLE, trigger("UPDATE items SET name = 'x'")), WITHOUT_TRIGGER
    ),
    "ambiguous column": Case(
        "table",
        1052,
        1052,
        (ITEMS_TABLE, "CREATE TABLE two (n INT)", trigger("SET @x = (SELECT n FROM two a, two b)")),
        WITHOUT_TRIGGER,
    ),
    "collations": Case(
        "table",
        1267,
        1267,
        (
            ITEMS_TABLE,
            trigger(
                "SET @x = CAST('a' AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_bin"
                " = CAST('a' AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_general_ci"
            ),
        ),
        WITHOUT_TRIGGER,
    ),
    "wrong value for a variable": Case(
        "table",
        1231,
        1231,
        (ITEMS_TABLE, trigger("SET SESSION sql_mode = 'NONSENSE'")),
        WITHOUT_TRIGGER,
    ),
    "missing definer": Case(
        "table",
        1449,
        1449,
        (
            ITEMS_TABLE,
            trigger("SET @x = 1").replace("TRIGGER", "DEFINER = nobody@nowhere TRIGGER", 1),
        ),
        WITHOUT_TRIGGER,
        root=True,
    ),
    "damaged view": Case(
        "table",
        1356,
        1356,
        (
            ITEMS_TABLE,
            "CREATE TABLE audit (note INT, other INT)",
            "CREATE VIEW seen AS SELECT note, other FROM audit",
            trigger("INSERT INTO seen (note) VALUES (1)"),
            "ALTER TABLE audit DROP other",
        ),
        ("ALTER TABLE audit ADD other INT",),
    ),
    "view that cannot be written": Case(
        "table",
        1471,
        1471,
        (
            ITEMS_TABLE,
            "CREATE VIEW seen AS SELECT 1 AS note",
            trigger("INSERT INTO seen VALUES (1)"),
        ),
        WITHOUT_TRIGGER,
    ),
    "computed column written": Case(
        "table",
        3105,
        1906,
        audit("note INT, c INT AS (note)", "1, 1"),
        ("ALTER TABLE audit DROP c, ADD c INT",),
    ),
    "used up AUTO_INCREMENT": Case(
        "table",
        1467,
        1467,
        (
            NUMBERED.format("BIGINT UNSIGNED"),
            "INSERT INTO items VALUES (18446744073709551615, 9, 'last')",
        ),
        ("DROP TABLE items", ITEMS_TABLE),
    ),
    "discarded tablespace": Case(
        "table",
        1814,
        1814,
        (ITEMS_TABLE, "ALTER TABLE items DISCARD TABLESPACE"),
        ("DROP TABLE items", ITEMS_TABLE),
    ),
    "full table": Case(
        "outage",
        1114,
        1114,
        (
            "SET SESSION max_heap_table_size = 16384",
            ITEMS_TABLE,
            "CREATE TABLE audit (note CHAR(255)) ENGINE = MEMORY",
            trigger(*["INSERT INTO audit VALUES (NEW.name)"] * 90),
        ),
        WITHOUT_TRIGGER,
    ),
    "killed statement": Case(
        "outage", 1317, 1317, (ITEMS_TABLE, trigger("KILL QUERY CONNECTION_ID()")), WITHOUT_TRIGGER
    ),
    "killed connection": Case(
        "outage", 1317, 1927, (ITEMS_TABLE, trigger("KILL CONNECTION_ID()")), WITHOUT_TRIGGER
    ),
}


@pytest.fixture(autouse=True)
def as_measured(bench: Bench) -> Iterator[None]:
    """See that whatever a test meets stands in the table of measured errors."""
    yield
    assert bench.met <= {
        (m.code, m.sqlstate) for m in measured() if m.server == bench.server.flavour
    }


@pytest.fixture
def drain(bench: Bench) -> Drain:
    """Give a drainer of items."""
    return bench.drain(ITEMS)


def deliver(drain: Drain) -> Outcome:
    """Drain five messages, the one in the middle bad."""
    names = ["bad" if n == PLACE else "good" for n in range(5)]
    return drain(*(sent(ITEMS, {"id": n, "name": name}) for n, name in enumerate(names)))


@pytest.mark.parametrize("name", CASES)
def test_a_fault_is_settled_as_designed(bench: Bench, drain: Drain, name: str) -> None:
    """Whoever is not to blame is stored; once mended, the rest is."""
    case = CASES[name]
    code = case.mysql if bench.server.flavour == "mysql" else case.mariadb
    execute = bench.root if case.root else bench.sql
    for statement in case.setup:
        execute(statement)
    outcome = deliver(drain)
    if code is None:
        assert outcome.stored == sorted(ALL)
        return
    match case.fault:
        case "evidence" | "code":
            assert (outcome.stored, list(outcome.dead)) == (REST, [PLACE])
            assert (outcome.dead[PLACE]["fault"], outcome.dead[PLACE]["code"]) == ("rejected", code)
            alone = drain({"id": PLACE, "name": "bad"})
            assert list(alone.dead or alone.held) == [0]
        case "table":
            assert outcome.faults == dict.fromkeys(ALL, f"misconfigured {code}")
        case "dependent":
            assert (outcome.stored, outcome.faults) == (REST, {PLACE: f"dependent {code}"})
        case "outage":
            assert outcome.faults[PLACE] == f"unavailable {code}"
            assert not outcome.dead
    for statement in case.mend:
        execute(statement)
    if case.mend:
        assert deliver(drain).stored == sorted(ALL)
        assert bench.sql("SELECT name FROM items WHERE id = 2") == [("bad",)]


def test_a_small_auto_increment_that_is_used_up_rejects_nothing(bench: Bench, drain: Drain) -> None:
    """MariaDB says so, with a code and a class of its own; MySQL speaks of a taken value."""
    bench.sql(NUMBERED.format("TINYINT"))
    bench.sql("INSERT INTO items VALUES (127, 9, 'last')")
    outcome = deliver(drain)
    assert not outcome.dead
    expected = "dependent 1048" if bench.server.flavour == "mysql" else "misconfigured 167"
    assert outcome.faults == dict.fromkeys(ALL, expected)
    bench.sql("ALTER TABLE items MODIFY number BIGINT AUTO_INCREMENT")
    assert deliver(drain).stored == sorted(ALL)
