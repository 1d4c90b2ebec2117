"""The few kinds of statement that the library writes, read back.

`Connection.literal` writes values as Python does, so that rows are read as Python's tuples; the
rest is the library's own SQL text, which the model server follows word by word.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

Row = dict[str, object]
Assignment = tuple[str, Callable[[Row, Row], object]]

_INSERT = re.compile(
    r"INSERT INTO (?P<table>\S+) \((?P<columns>[^)]*)\) VALUES (?P<rows>.*?)"
    r"(?: AS `durable_ingest_new`)?( ON DUPLICATE KEY UPDATE (?P<update>.*))?",
    re.DOTALL,
)
_SELECT = re.compile(r"SELECT (?P<what>\S+) FROM (?P<table>\S+) WHERE (?P<condition>.*)", re.DOTALL)
_NEW = re.compile(r"VALUES\(`(\w+)`\)|`durable_ingest_new`\.`(\w+)`")
_OLD = re.compile(r"(?:`\w+`\.)?`(\w+)`")
_TOKENS = (
    ("IS NULL", "is None"),
    ("NULL", "None"),
    (" = ", " == "),
    (" OR ", " or "),
    (" AND ", " and "),
    ("IF(", "choose("),
)


@dataclass(frozen=True, slots=True)
class Insert:
    """INSERT, with or without ON DUPLICATE KEY UPDATE."""

    table: str
    rows: Sequence[Row]
    update: Sequence[Assignment] | None


@dataclass(frozen=True, slots=True)
class Select:
    """SELECT of one column, or of 1, under a condition."""

    column: str | None
    table: str
    condition: Callable[[Row, Row], object]


def parse(sql: str) -> Insert | Select:
    """Read a statement.

    Raises:
        ValueError: it is of no kind that the library is known to write.
    """
    if found := _INSERT.fullmatch(sql):
        names = [name.strip().strip("`") for name in found["columns"].split(",")]
        values = ast.literal_eval(f"[{found['rows']}]".replace("NULL", "None"))
        rows = [dict(zip(names, row, strict=True)) for row in map(_tuple, values)]
        update = found["update"]
        return Insert(_plain(found["table"]), rows, None if update is None else _update(update))
    if found := _SELECT.fullmatch(sql):
        column = None if found["what"] == "1" else _plain(found["what"])
        return Select(column, _plain(found["table"]), expression(found["condition"]))
    msg = f"not known to be written by the library: {sql}"
    raise ValueError(msg)


def assign(row: Mapping[str, object], new: Row, update: Sequence[Assignment]) -> Row:
    """Give what ON DUPLICATE KEY UPDATE makes of a stored row, from left to right."""
    changed = dict(row)
    for column, value in update:
        changed[column] = value(changed, new)
    return changed


def expression(text: str) -> Callable[[Row, Row], object]:
    """Turn an expression into a function of the stored row and the new one."""
    code = _NEW.sub(lambda found: f'new["{found[1] or found[2]}"]', text)
    code = _OLD.sub(r'old["\1"]', code)
    for sql, python in _TOKENS:
        code = code.replace(sql, python)
    code = re.sub(r"\bIN \((.*)\)$", r"in (\1,)", code, flags=re.DOTALL)
    made: Callable[[Row, Row], object] = eval(  # noqa: S307 - the library's own text
        f"lambda old, new: {code}", {"__builtins__": {}, "choose": _choose}
    )
    return made


@cache
def _update(text: str) -> tuple[Assignment, ...]:
    parts = re.split(r", (?=`\w+` = )", text)
    pairs = [part.split(" = ", 1) for part in parts]
    return tuple((_plain(column), expression(value)) for column, value in pairs)


def _choose(condition: object, this: object, that: object) -> object:
    return this if condition else that


def _tuple(row: object) -> tuple[object, ...]:
    return row if isinstance(row, tuple) else (row,)


def _plain(name: str) -> str:
    return name.strip("`")
