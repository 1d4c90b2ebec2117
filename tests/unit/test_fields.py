"""The names of a model's fields, in JSON and in the table."""

from typing import Any

import pytest
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    computed_field,
    create_model,
)

from durable_ingest.errors import ContractError
from durable_ingest.fields import fields_of


class Aliased(BaseModel):
    """Every way to rename a field."""

    plain: int
    aliased: int = Field(alias="aliasColumn")
    written: int = Field(serialization_alias="written_column")
    read: int = Field(validation_alias="read_name")
    both: int = Field(validation_alias="in", serialization_alias="out")
    chosen: int = Field(validation_alias=AliasChoices("one", "two"))  # type: ignore[pydantic-alias]
    hidden: int = Field(default=0, exclude=True)

    @computed_field(alias="total_column")  # type: ignore[prop-decorator] # pydantic's own advice
    @property
    def total(self) -> int:
        """Give a value that the model computes."""
        return self.plain + self.aliased


def test_columns_are_named_as_in_the_models_json() -> None:
    """The serialization alias, else the alias, else the name; excluded fields are absent."""
    assert fields_of(Aliased).columns == {
        "plain": "plain",
        "aliased": "aliasColumn",
        "written": "written_column",
        "read": "read",
        "both": "out",
        "chosen": "chosen",
        "total": "total_column",
    }
    assert fields_of(Aliased).computed == {"total"}


def test_every_readable_name_is_accepted() -> None:
    """Validation's names, the model's own JSON, and computed columns, which give no field."""
    accepted = fields_of(Aliased).accepted
    assert accepted["aliasColumn"] == {"aliased"}
    assert accepted["written"] == accepted["written_column"] == {"written"}
    assert accepted["in"] == accepted["out"] == {"both"}
    assert accepted["one"] == accepted["two"] == accepted["chosen"] == {"chosen"}
    assert accepted["hidden"] == {"hidden"}
    assert accepted["total_column"] == frozenset()
    assert "aliased" not in accepted
    assert "total" not in accepted


def test_names_that_validation_does_not_know_are_renamed() -> None:
    """So that a model reads its own JSON."""
    assert fields_of(Aliased).renames == {
        "written_column": "written",
        "read": "read_name",
        "out": "in",
        "chosen": "one",
    }


def test_fields_are_accepted_by_name_where_the_model_says_so() -> None:
    """With populate_by_name and with validate_by_name."""

    class ByName(BaseModel):
        model_config = ConfigDict(populate_by_name=True)
        a: int = Field(alias="b")

    class ByNameToo(BaseModel):
        model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)
        a: int = Field(alias="b")

    for model in (ByName, ByNameToo):
        assert fields_of(model).accepted == {"a": {"a"}, "b": {"a"}}


def test_computed_fields_are_stripped_for_models_that_forbid_extras() -> None:
    """Their own JSON would fail them otherwise."""

    class Strict(BaseModel):
        model_config = ConfigDict(extra="forbid")
        a: int

        @computed_field  # type: ignore[prop-decorator] # pydantic's own advice
        @property
        def double(self) -> int:
            return self.a * 2

    assert fields_of(Strict).strip == {"double"}
    assert fields_of(Aliased).strip == frozenset()


class _Text(RootModel[str]):
    """No object in JSON."""


class _Open(BaseModel):
    """Takes what it does not know."""

    model_config = ConfigDict(extra="allow")
    a: int


class _Unreadable(BaseModel):
    """Excludes what it requires."""

    a: int = Field(exclude=True)


class _Twice(BaseModel):
    """Two columns that MySQL takes for one."""

    a: int
    b: int = Field(alias="A")


class _Path(BaseModel):
    """Is read from inside another value."""

    a: int = Field(validation_alias=AliasPath("x", 0))  # type: ignore[pydantic-alias]


@pytest.mark.parametrize("model", [_Text, _Open, _Unreadable, _Twice, _Path, dict, None])
def test_models_that_are_no_row_are_refused(model: type[BaseModel]) -> None:
    """Each names the argument."""
    with pytest.raises(ContractError, match=r"^model: ") as raised:
        fields_of(model)
    assert raised.value.argument == "model"


def test_what_bodies_give_is_remembered_of_few_kinds() -> None:
    """Their senders choose which fields they give, so there may be any number of kinds."""
    wide: Any = {f"f{n}": (int, 0) for n in range(300)}
    names = fields_of(create_model("Wide", **wide))
    for kind in range(300):
        given = tuple(f"f{n}" for n in range(kind))
        assert names.present(given) == names.present(given) == set(given)
    assert len(names.known) < 100
