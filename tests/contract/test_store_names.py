"""Columns and tables whose names are odd, on a real server."""

import pytest
from pydantic import BaseModel, ConfigDict, Field, computed_field, create_model

from durable_ingest import Table
from durable_ingest.encoding import encode
from tests.contract import store_kit
from tests.contract.store_kit import Bench, sent

pytestmark = pytest.mark.database
bench = store_kit.bench


class Person(BaseModel):
    """Aliases, a computed field and an excluded one."""

    model_config = ConfigDict(populate_by_name=True)
    person_id: int = Field(alias="person id")
    full_name: str = Field(alias="fullName")
    secret: str = Field(default="", exclude=True)

    @computed_field  # type: ignore[prop-decorator]  # pydantic documents it so
    @property
    def initial(self) -> str:
        """The first letter."""
        return self.full_name[:1]


def test_aliases_computed_and_excluded_fields(bench: Bench) -> None:
    """Aliases and computed fields are columns, excluded fields are not."""
    table = Table("people", Person, key="person_id")
    bench.sql("CREATE TABLE people (`person id` INT PRIMARY KEY, `fullName` TEXT, initial CHAR(1))")
    drain = bench.drain(table)
    person = Person(person_id=7, full_name="Ada", secret="hidden")
    body, _ = encode(table, person)
    assert "hidden" not in body
    assert drain(sent(table, body)).stored == [0]
    assert bench.sql("SELECT * FROM people") == [(7, "Ada", "A")]


@pytest.mark.parametrize(
    "column",
    [
        "back`tick",
        "a space",
        "a.dot",
        "100%",
        "%s",
        "select",
        "quote'",
        'quo"te',
        "ünï",
        "\\",
        "$1",
    ],
)
@pytest.mark.parametrize("guard", [None, "version"])
def test_odd_column_names(bench: Bench, column: str, guard: str | None) -> None:
    """As a value's and as the key's name, with and without a guard."""
    odd = "`" + column.replace("`", "``") + "`"
    key = "`" + f"k {column}".replace("`", "``") + "`"
    model = create_model(
        "Odd",
        key=(str, Field(alias=f"k {column}")),
        value=(int, Field(alias=column)),
    )
    table = Table("odd", model, key="key", version="value" if guard else None)
    bench.sql(f"CREATE TABLE odd ({key} VARCHAR(9) PRIMARY KEY, {odd} BIGINT)")
    drain = bench.drain(table)
    assert drain({f"k {column}": "a", column: 1}).stored == [0]
    assert drain({f"k {column}": "a", column: 2}, {f"k {column}": "b", column: 3}).stored == [0, 1]
    assert sorted(bench.sql("SELECT * FROM odd")) == [("a", 2), ("b", 3)]


@pytest.mark.parametrize("name", ["back`tick", "a space", "100%", "select", "quote'", "$1", "-"])
@pytest.mark.parametrize("qualified", [False, True])
def test_odd_table_names(bench: Bench, name: str, qualified: bool) -> None:  # noqa: FBT001 - a parameter of pytest's
    """Alone and behind a schema's name."""
    quoted = "`" + name.replace("`", "``") + "`"
    bench.sql(f"CREATE TABLE {quoted} (id INT PRIMARY KEY, name VARCHAR(9), seq DECIMAL(39))")
    full = f"{bench.name}.{name}" if qualified else name
    table = Table(full, store_kit.Item, key="id", sequence="seq")
    drain = bench.drain(table, url=bench.server.url if qualified else None)
    assert drain({"id": 1, "name": "old"}).stored == [0]
    assert drain({"id": 1, "name": "new"}).stored == [0]
    assert bench.sql(f"SELECT id, name FROM {quoted}") == [(1, "new")]  # noqa: S608 - a test's own name
