"""The text of an upsert, on both kinds of servers."""

import re
from typing import get_args

import pytest
from pydantic import BaseModel, Field

from durable_ingest import Table
from durable_ingest.mysql.upsert import Dialect, column, quoted, upsert


class Row(BaseModel):
    """A row with columns of odd names."""

    id: str
    part: int = 0
    odd: str = Field(default="", alias="a`b.c%d")
    note: str = ""
    version: int


PLAIN = Table("shop.rows", Row, key=("id", "part"))
VERSIONED = Table("rows", Row, key="id", version="version")
SEQUENCED = Table("rows", Row, key="id", sequence="seq")


def assigned(tail: str) -> list[str]:
    """List the columns that an update assigns, in their order."""
    text = tail.split("ON DUPLICATE KEY UPDATE ", 1)[1]
    return re.findall(r"(?:^|, )`((?:[^`]|``)+)` = ", text)


def test_a_plain_upsert_on_mysql() -> None:
    """Row alias; each key column becomes NULL where another row was hit."""
    text = upsert(PLAIN, ["id", "part", "note"], ["note"], "row alias")
    assert text.head == "INSERT INTO `shop`.`rows` (`id`, `part`, `note`) VALUES "
    new = "`durable_ingest_new`"
    assert text.tail == (
        f" AS {new} ON DUPLICATE KEY UPDATE"
        f" `id` = IF(`rows`.`id` = {new}.`id`, `rows`.`id`, NULL),"
        f" `part` = IF(`rows`.`part` = {new}.`part`, `rows`.`part`, NULL),"
        f" `note` = {new}.`note`"
    )


def test_a_guarded_upsert_on_mariadb() -> None:
    """VALUES(); a stored NULL is older than anything, an equal version is written."""
    text = upsert(VERSIONED, ["id", "note", "version"], ["note"], "VALUES()")
    assert text.tail == (
        " ON DUPLICATE KEY UPDATE"
        " `id` = IF(`id` = VALUES(`id`), `id`, NULL),"
        " `note` = IF(`version` IS NULL OR VALUES(`version`) >= `version`,"
        " VALUES(`note`), `note`),"
        " `version` = IF(`version` IS NULL OR VALUES(`version`) >= `version`,"
        " VALUES(`version`), `version`)"
    )


@pytest.mark.parametrize("dialect", get_args(Dialect))
@pytest.mark.parametrize("table", [VERSIONED, SEQUENCED])
def test_the_key_comes_first_and_the_guard_last(table: Table, dialect: Dialect) -> None:
    """Assignments are evaluated from left to right; wherever the columns were named."""
    guard = str(table.guard_column)
    columns = [guard, "note", "id", "part"]
    assert assigned(upsert(table, columns, columns, dialect).tail) == ["id", "note", "part", guard]


@pytest.mark.parametrize("dialect", get_args(Dialect))
def test_columns_that_an_update_leaves_alone_are_inserted_all_the_same(dialect: Dialect) -> None:
    """Those written at insert alone, and those that the body does not give."""
    text = upsert(VERSIONED, ["id", "part", "note", "version"], ["note"], dialect)
    assert "`part`" in text.head
    assert assigned(text.tail) == ["id", "note", "version"]
    assert "`part`" not in text.tail


@pytest.mark.parametrize("dialect", get_args(Dialect))
def test_an_update_of_nothing_still_checks_the_key(dialect: Dialect) -> None:
    """A row of its key alone."""
    assert assigned(upsert(PLAIN, ["id", "part"], [], dialect).tail) == ["id", "part"]


@pytest.mark.parametrize("dialect", get_args(Dialect))
def test_odd_names_are_quoted(dialect: Dialect) -> None:
    """Backticks are doubled; a dot in a column's name separates nothing."""
    text = upsert(PLAIN, ["id", "part", "a`b.c%d"], ["a`b.c%d"], dialect)
    assert "(`id`, `part`, `a``b.c%d`)" in text.head
    assert assigned(text.tail)[-1] == "a``b.c%d"


def test_names_are_quoted() -> None:
    """A table's dot separates its schema; a column's does not."""
    assert quoted("shop.ro`ws") == "`shop`.`ro``ws`"
    assert column("shop.ro`ws") == "`shop.ro``ws`"


def test_an_upsert_joins_with_its_rows() -> None:
    """Head, rows, tail are one statement."""
    text = upsert(PLAIN, ["id", "part"], [], "VALUES()")
    statement = text.head + "('a', 1), ('b', 2)" + text.tail
    assert "VALUES ('a', 1), ('b', 2) ON DUPLICATE KEY UPDATE" in statement
