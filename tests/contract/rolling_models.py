"""Models before and after the changes that the tests of rolling deploys make."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, computed_field


class Customer(BaseModel):
    """What all begin with."""

    id: int
    email: str


class WithPhone(Customer):
    """A field that may be absent."""

    phone: str | None = None


class WithTier(Customer):
    """A field with a default."""

    tier: str = "basic"


class Named(BaseModel):
    """A field that is to have another name."""

    id: int
    name: str


class Renaming(BaseModel):
    """Reads either name, and writes both columns."""

    model_config = ConfigDict(populate_by_name=True)
    id: int
    full_name: Annotated[str, Field(validation_alias=AliasChoices("full_name", "name"))]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def name(self) -> str:
        """The column of functions that do not know the new one."""
        return self.full_name


class Renamed(BaseModel):
    """Reads either name, and writes one column."""

    model_config = ConfigDict(populate_by_name=True)
    id: int
    full_name: Annotated[str, Field(validation_alias=AliasChoices("full_name", "name"))]


class Nicknamed(Customer):
    """A field that is to go."""

    nickname: str | None = None


class Dropping(Customer):
    """Reads the field, and does nothing with it."""

    nickname: Annotated[str | None, Field(exclude=True)] = None


class Short(BaseModel):
    """A text of ten characters."""

    id: int
    note: Annotated[str, Field(max_length=10)]


class Long(BaseModel):
    """A text of forty."""

    id: int
    note: Annotated[str, Field(max_length=40)]


class Counted(BaseModel):
    """A whole number."""

    id: int
    amount: int


class Measured(BaseModel):
    """A number with digits after the point."""

    id: int
    amount: Decimal


class Coded(BaseModel):
    """A number that has become a text."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    id: int
    amount: str


class State(StrEnum):
    """The states that there were."""

    OPEN = "open"


class MoreStates(StrEnum):
    """The states that there are."""

    OPEN = "open"
    CLOSED = "closed"


class WithState(BaseModel):
    """A row with an enumeration."""

    id: int
    state: State


class WithMoreStates(BaseModel):
    """A row with the longer one."""

    id: int
    state: MoreStates


class Address(BaseModel):
    """A nested model."""

    city: str


class AddressWithZip(Address):
    """The same with a field more."""

    zip: str = ""


class Strict(BaseModel):
    """A nested model that forbids what it does not know."""

    model_config = ConfigDict(extra="forbid")
    city: str


@dataclass
class Place:
    """A nested dataclass, with a field that bodies may leave out."""

    city: str
    country: str = "AT"


@dataclass
class PlaceWithZip(Place):
    """The same with a field more."""

    zip: str = ""


class Revised(Customer):
    """A row whose owner counts its changes."""

    revision: int


class Regional(Revised):
    """A row that can be grouped otherwise."""

    region: str = "eu"
