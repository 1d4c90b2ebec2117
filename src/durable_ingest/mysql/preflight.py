"""The table is what its contract says: asked once on every new connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from durable_ingest.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from durable_ingest.contract import Table

COLUMNS_SQL: Final = (
    "SELECT c.COLUMN_NAME, c.DATA_TYPE, c.CHARACTER_MAXIMUM_LENGTH, c.NUMERIC_PRECISION,"
    " c.NUMERIC_SCALE, c.DATETIME_PRECISION, c.IS_NULLABLE, c.COLUMN_DEFAULT, c.EXTRA, t.ENGINE"
    " FROM information_schema.COLUMNS c JOIN information_schema.TABLES t"
    " ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME"
    " WHERE c.TABLE_SCHEMA = COALESCE(%s, DATABASE()) AND c.TABLE_NAME = %s"
)
INDEX_SQL: Final = (
    "SELECT INDEX_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS"
    " WHERE TABLE_SCHEMA = COALESCE(%s, DATABASE()) AND TABLE_NAME = %s AND NON_UNIQUE = 0"
    " ORDER BY INDEX_NAME, SEQ_IN_INDEX"
)
_INTEGERS: Final = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})
_TEXTS: Final = frozenset(
    {"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "uuid"}
)
_BINARIES: Final = frozenset(
    {"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "uuid"}
)
_TIMES: Final = frozenset({"datetime", "timestamp"})
_GENERATED: Final = ("VIRTUAL GENERATED", "STORED GENERATED", "PERSISTENT")
_SEQUENCE_DIGITS: Final = 39  # 2**128 - 1
_MICROSECONDS: Final = 6


class Column(Value):
    """One column of a table."""

    name: str
    type: str
    width: int
    """Characters or bytes; 0 where the type has none."""
    precision: int
    """Digits; 0 where the type has none."""
    scale: int
    """Digits after the point."""
    fraction: int
    """Digits of fractional seconds."""
    nullable: bool
    has_default: bool
    generated: bool = False
    """Whether the server computes it."""

    @property
    def binary(self) -> bool:
        """Whether it holds bytes."""
        return self.type in ("binary", "varbinary")


class TableFacts(Value):
    """What the server says of a table."""

    columns: dict[str, Column]
    """By lower-case name."""
    unique_indexes: dict[str, list[tuple[str | None, bool]]]
    """Name -> (column, or None for an expression; whether a prefix alone)."""
    engine: str


def read_facts(columns: Sequence[Sequence[Any]], indexes: Sequence[Sequence[Any]]) -> TableFacts:
    """Take the answers to `COLUMNS_SQL` and `INDEX_SQL`."""
    found: dict[str, Column] = {}
    engine = ""
    for name, kind, width, precision, scale, fraction, nullable, default, extra, made_by in columns:
        generated = any(kind in str(extra).upper() for kind in _GENERATED)
        automatic = generated or "auto_increment" in str(extra).lower()
        found[str(name).lower()] = Column(
            name=str(name),
            type=str(kind).lower(),
            width=int(width or 0),
            precision=int(precision or 0),
            scale=int(scale or 0),
            fraction=int(fraction or 0),
            nullable=nullable == "YES",
            has_default=default is not None or automatic,
            generated=generated,
        )
        engine = str(made_by or "")
    unique: dict[str, list[tuple[str | None, bool]]] = {}
    for index, column, prefix in indexes:
        unique.setdefault(str(index), []).append((column, prefix is not None))
    return TableFacts(columns=found, unique_indexes=unique, engine=engine)


def problems(table: Table, facts: TableFacts) -> list[str]:
    """List what makes the table another than its contract says, each with its remedy."""
    if not facts.columns:
        return [
            (
                f"table {table.name!r} does not exist, or the user may not see it;"
                " create it, or grant SELECT, INSERT and UPDATE on it"
            )
        ]
    found: list[str] = []
    written = [*table.fields.columns.values(), *filter(None, [table.sequence])]
    missing = [name for name in written if name.lower() not in facts.columns]
    if missing:
        found.append(f"table {table.name!r} has no column {', '.join(map(repr, missing))}; add it")
    found += [
        f"column {name!r} of {table.name!r} is generated; leave it out of the model"
        for name in written
        if (column := facts.columns.get(name.lower())) is not None and column.generated
    ]
    found += _index_problems(table, facts)
    found += _unwritten_problems(table, facts, {name.lower() for name in written})
    found += [
        problem
        for field in dict.fromkeys((*table.key_fields, *filter(None, [table.version])))
        if (problem := _exactness_problem(table, field, facts.columns)) is not None
    ]
    found += _sequence_problems(table, facts.columns)
    if facts.engine and facts.engine.lower() != "innodb":
        found.append(f"table {table.name!r} is {facts.engine}, which knows no rollback; use InnoDB")
    return found


def _index_problems(table: Table, facts: TableFacts) -> list[str]:
    key = {name.lower() for name in table.key_columns}
    for parts in facts.unique_indexes.values():
        names = [str(column).lower() for column, _ in parts]
        whole = all(column is not None and not prefix for column, prefix in parts)
        if whole and set(names) == key:
            nullable = [n for n in names if n in facts.columns and facts.columns[n].nullable]
            if not nullable:
                return []
            return [f"key column {', '.join(map(repr, nullable))} may be NULL; make it NOT NULL"]
    listed = ", ".join(table.key_columns)
    return [
        (
            f"table {table.name!r} has no unique index on exactly ({listed}), whole columns;"
            f" add PRIMARY KEY or UNIQUE ({listed})"
        )
    ]


def _unwritten_problems(table: Table, facts: TableFacts, written: set[str]) -> list[str]:
    needed = [
        column.name
        for name, column in facts.columns.items()
        if name not in written and not column.nullable and not column.has_default
    ]
    if not needed:
        return []
    listed = ", ".join(map(repr, needed))
    return [
        (
            f"column {listed} of {table.name!r} is NOT NULL without default, and the model lacks"
            " it; give it a default"
        )
    ]


def _exactness_problem(table: Table, field: str, columns: Mapping[str, Column]) -> str | None:
    """Say why a key or version column would not hold its values exactly."""
    name = table.fields.columns[field]
    column = columns.get(name.lower())
    if column is None:
        return None
    kinds = table.kinds_of(field)
    fits = [kind for kind in kinds if _holds_exactly(kind, column)]
    if len(fits) == len(kinds):
        return None
    wanted = ", ".join(sorted({_wanted(kind) for kind in kinds if kind not in fits}))
    role = "version" if field == table.version else "key"
    return f"{role} column {name!r} is {column.type}, which rounds or converts; make it {wanted}"


def _holds_exactly(kind: str, column: Column) -> bool:
    match kind:
        case "str":
            return column.type in _TEXTS | _BINARIES
        case "int":
            return column.type in _INTEGERS or (column.type == "decimal" and column.scale == 0)
        case "bool":
            return column.type in _INTEGERS
        case "Decimal":
            return column.type == "decimal" or column.type in _INTEGERS
        case "datetime":
            return column.type in _TIMES and column.fraction == _MICROSECONDS
        case "time" | "timedelta":
            return column.type == "time" and column.fraction == _MICROSECONDS
        case "date":
            return column.type == "date"
        case "UUID":
            return column.type in _TEXTS | _BINARIES
        case "bytes":
            return column.type in _BINARIES
        case _:
            return True


def _wanted(kind: str) -> str:
    return {
        "str": "VARCHAR",
        "int": "BIGINT",
        "bool": "BOOLEAN",
        "Decimal": "DECIMAL",
        "datetime": "DATETIME(6)",
        "time": "TIME(6)",
        "timedelta": "TIME(6)",
        "date": "DATE",
        "UUID": "CHAR(36) or BINARY(16)",
        "bytes": "VARBINARY",
    }[kind]


def _sequence_problems(table: Table, columns: Mapping[str, Column]) -> list[str]:
    column = columns.get((table.sequence or "").lower())
    if column is None:
        return []
    if column.type == "decimal" and column.scale == 0 and column.precision >= _SEQUENCE_DIGITS:
        return []
    return [
        (
            f"sequence column {column.name!r} must be DECIMAL(39,0), since SQS' numbers have up to"
            " 39 digits; make it that"
        )
    ]
