"""Table: what is taken, and what is refused by the name of its argument."""

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NewType
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, computed_field

from durable_ingest import Command, Drainer, Enqueuer, MySQL, Retry, Table
from durable_ingest.contract import contracts_by_name
from durable_ingest.errors import ContractError, MisconfiguredError

Name = NewType("Name", str)


class Color(Enum):
    """Text and a number."""

    RED = "red"
    ONE = 1


class Weight(Enum):
    """Members of a type that makes no key."""

    LIGHT = 1.5


class Row(BaseModel):
    """Fields of every kind that matters to a contract."""

    id: str
    number: int = Field(alias="number_column")
    maybe: str | None = None
    ratio: float = 0.0
    things: list[int] = []
    version: int
    changed: datetime
    optional_version: int = 0
    hidden: str = Field(default="", exclude=True)
    weight: Weight = Weight.LIGHT

    @computed_field  # type: ignore[prop-decorator] # pydantic's own advice
    @property
    def twice(self) -> str:
        """Give a column that the model computes."""
        return self.id * 2


def test_a_contract_says_what_its_arguments_mean() -> None:
    """Fields become columns, one name a tuple."""
    contract = Table(
        "shop.rows", Row, key=("id", "number"), group="id", version="version", insert_only="changed"
    )
    assert contract.key_fields == ("id", "number")
    assert contract.key_columns == ("id", "number_column")
    assert contract.group_fields == ("id",)
    assert contract.guard_column == "version"
    assert contract.insert_only_columns == {"changed"}


def test_the_group_is_the_key_by_default() -> None:
    """And a table without guard has no guard column."""
    contract = Table("rows", Row, key="id")
    assert contract.group_fields == ("id",)
    assert contract.guard_column is None
    assert Table("rows", Row, key="id", sequence="seq").guard_column == "seq"


def test_a_group_may_be_optional() -> None:
    """Rows without a value share one."""
    assert Table("rows", Row, key="id", group="maybe").group_fields == ("maybe",)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"version": "version"}, True),
        ({}, False),
        ({"sequence": "seq"}, False),
        ({"version": "version", "group": "maybe"}, False),
        ({"version": "version", "insert_only": "changed"}, False),
    ],
)
def test_order_is_free_only_where_whole_rows_are_compared(
    arguments: dict[str, Any],
    expected: bool,  # noqa: FBT001 - the expected answer
) -> None:
    """A shared group and columns written at insert alone make it count again."""
    assert Table("rows", Row, key="id", **arguments).order_free is expected


def test_a_contract_is_frozen_and_equal_to_its_like() -> None:
    """Both functions make the same."""
    contract = Table("rows", Row, key="id")
    assert contract == Table("rows", Row, key="id")
    assert hash(contract) == hash(Table("rows", Row, key="id"))
    with pytest.raises(AttributeError, match="cannot be changed; make another"):
        contract.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("argument", "changes"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "a.b.c"}),
        ("name", {"name": "a."}),
        ("name", {"name": ".a"}),
        ("name", {"name": "x" * 65}),
        ("name", {"name": "a\0"}),
        ("name", {"name": "a "}),
        ("name", {"name": "\U0001f600"}),
        ("name", {"name": 5}),
        ("model", {"model": dict}),
        ("model", {"model": None}),
        ("key", {"key": "nothing"}),
        ("key", {"key": ()}),
        ("key", {"key": ("id", "id")}),
        ("key", {"key": "number_column"}),
        ("key", {"key": "maybe"}),
        ("key", {"key": "ratio"}),
        ("key", {"key": "things"}),
        ("key", {"key": "hidden"}),
        ("key", {"key": "twice"}),
        ("key", {"key": "weight"}),
        ("key", {"key": 5}),
        ("key", {"key": None}),
        ("group", {"group": "nothing"}),
        ("group", {"group": ()}),
        ("group", {"group": "ratio"}),
        ("group", {"group": ("id", "id")}),
        ("group", {"group": 5}),
        ("version", {"version": "nothing"}),
        ("version", {"version": "id"}),
        ("version", {"version": "ratio"}),
        ("version", {"version": "maybe"}),
        ("version", {"version": "optional_version"}),
        ("version", {"version": "twice"}),
        ("version", {"version": ["version"]}),
        ("sequence", {"sequence": "seq", "version": "version"}),
        ("sequence", {"sequence": "ID"}),
        ("sequence", {"sequence": ""}),
        ("sequence", {"sequence": 5}),
        ("insert_only", {"insert_only": "nothing"}),
        ("insert_only", {"insert_only": "id"}),
        ("insert_only", {"insert_only": ("version",), "version": "version"}),
        ("insert_only", {"insert_only": None}),
    ],
)
def test_a_wrong_argument_is_named(argument: str, changes: dict[str, Any]) -> None:
    """At construction, with a text that starts with the argument."""
    arguments: dict[str, Any] = {"name": "rows", "model": Row, "key": "id", **changes}
    with pytest.raises(ContractError) as raised:
        Table(**arguments)
    assert raised.value.argument == argument
    assert str(raised.value).startswith(f"{argument}: ")


def test_a_contract_error_is_a_value_error_and_a_misconfiguration() -> None:
    """Either is a way to catch it."""
    with pytest.raises(ValueError, match="no field") as raised:
        Table("rows", Row, key=())
    assert isinstance(raised.value, MisconfiguredError)


@pytest.mark.parametrize("version", ["version", "changed"])
def test_numbers_and_moments_are_versions(version: str) -> None:
    """Values that only grow."""
    assert Table("rows", Row, key="id", version=version).guard_column == version


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (str, {"str"}),
        (bool, {"bool"}),
        (int | str, {"int", "str"}),
        (Annotated[Decimal, Field(max_digits=9)], {"Decimal"}),
        (Literal["a", 1], {"str", "int"}),
        (Name, {"str"}),
        (Color, {"str", "int"}),
        (UUID, {"UUID"}),
        (datetime, {"datetime"}),
        (date, {"date"}),
    ],
)
def test_the_kinds_of_a_key(annotation: Any, expected: set[str]) -> None:  # noqa: ANN401
    """What preflight compares with the column."""
    model: type[BaseModel] = type("Keyed", (BaseModel,), {"__annotations__": {"id": annotation}})
    assert Table("rows", model, key="id").kinds_of("id") == expected


@pytest.mark.parametrize(
    "contracts",
    [(), ("rows",), (Table("rows", Row, key="id"), Table("rows", Row, key="number"))],
)
def test_services_refuse_wrong_contracts(contracts: tuple[Any, ...]) -> None:
    """None at all, another type, and two of one name."""
    with pytest.raises(ContractError) as raised:
        contracts_by_name(contracts)
    assert raised.value.argument == "contracts"


_ROWS = Table("rows", Row, key="id")
_FIFO = "https://sqs.eu-west-1.amazonaws.com/1/q.fifo"
_MYSQL = "mysql://u:secret-word@db.example/app"


@pytest.mark.parametrize(
    ("kind", "argument", "positional", "named"),
    [
        (Enqueuer, "queue_url", ("https://sqs.eu-west-1.amazonaws.com/1/q", _ROWS), {}),
        (Enqueuer, "queue_url", (None, _ROWS), {}),
        (Enqueuer, "queue_url", (_ROWS,), {}),
        (Enqueuer, "contracts", (_FIFO,), {}),
        (Enqueuer, "timeout", (_FIFO, _ROWS), {"timeout": 0}),
        (Drainer, "contracts", (MySQL(_MYSQL),), {}),
        (Drainer, "mysql", (_MYSQL, _ROWS), {}),
        (Drainer, "acknowledge", (MySQL(_MYSQL), _ROWS), {"acknowledge": "all"}),
        (
            Drainer,
            "dead_letter_queue_url",
            (MySQL(_MYSQL), _ROWS),
            {"dead_letter_queue_url": "https://sqs.eu-west-1.amazonaws.com/1/dlq"},
        ),
        (Retry, "patience", (), {"patience": -1}),
        (Retry, "reserve", (), {"reserve": -0.1}),
        (Retry, "attempts", (), {"attempts": 0}),
        (MySQL, "url", ("postgres://u:secret-word@h/d",), {}),
        (MySQL, "url", ("mysql://u:secret-word@h:port/d",), {}),
        (MySQL, "url", ("mysql://u:secret-word@/d",), {}),
        (MySQL, "url", ("mysql://h/d",), {}),
        (MySQL, "url", ("mysql://u:secret-word@h/d?ssl=1",), {}),
        (MySQL, "url", (None,), {}),
        (MySQL, "ssl_mode", (_MYSQL,), {"ssl_mode": "SOMETIMES"}),
        (MySQL, "connect_timeout", (_MYSQL,), {"connect_timeout": 0}),
        (MySQL, "read_timeout", (_MYSQL,), {"read_timeout": -1}),
    ],
)
def test_every_constructor_names_its_wrong_argument(
    kind: Any,  # noqa: ANN401 - a class
    argument: str,
    positional: tuple[Any, ...],
    named: dict[str, Any],
) -> None:
    """And no text holds the password."""
    with pytest.raises(ContractError) as raised:
        kind(*positional, **named)
    assert raised.value.argument == argument
    assert "secret-word" not in str(raised.value)


def test_a_connection_shows_no_password() -> None:
    """Not in its repr either, which logs print."""
    assert "secret-word" not in repr(MySQL(_MYSQL))


@pytest.mark.parametrize("name", ["", "a" * 129, "a\nb", 1, None])
def test_a_commands_name_is_text(name: Any) -> None:  # noqa: ANN401 - what no name may be
    """It stands in a message attribute, and in logs."""
    with pytest.raises(ContractError, match=r"^name: "):
        Command(name, Row, group="id", apply=lambda _cursor, _record: None)
