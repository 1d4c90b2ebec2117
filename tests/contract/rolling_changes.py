"""Changes of a contract that teams roll out, and what each function makes of the other's age."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel

from durable_ingest import Inbox, Table
from tests.contract.rolling_kit import Age
from tests.contract.rolling_models import (
    Address,
    AddressWithZip,
    Coded,
    Counted,
    Customer,
    Dropping,
    Long,
    Measured,
    Named,
    Nicknamed,
    Place,
    PlaceWithZip,
    Regional,
    Renamed,
    Renaming,
    Revised,
    Short,
    Strict,
    WithMoreStates,
    WithPhone,
    WithState,
    WithTier,
)

Fate = Literal["stores", "holds", "rejects"]
Shown = dict[str, Any]
"""Columns of a row and their values."""


@dataclass(frozen=True)
class Change:
    """One change: both ages, the migration between, and what becomes of rows.

    `was` is what a producer of the old age sends, `now` what one of the new age sends, of one row.
    """

    name: str
    old: Age
    new: Age
    columns: str
    """Of the table `customers`, before the migration."""
    migration: tuple[str, ...]
    was: BaseModel
    now: BaseModel
    inserted: Shown
    """What a new drainer makes of `was` where there is no row."""
    written: Shown
    """What it makes of `now`, over that."""
    updated: Shown
    """What it makes of `was`, over that."""
    migrated: Fate = "stores"
    """What an old drainer makes of `was` once the table is migrated."""
    inserted_by_old: Shown = field(default_factory=dict)
    """What it makes of `was` where there is no row, if that is another row."""
    updated_by_old: Shown = field(default_factory=dict)
    """What it makes of `was` over `now`, if that is another row."""
    old_drainer: Fate = "holds"
    """What an old drainer makes of `now` once the table is migrated."""
    early: Fate = "holds"
    """What a new drainer makes of `now` before the table is migrated."""
    stored_early: Shown = field(default_factory=dict)
    """What it stores then, if that is another row."""

    def was_of(self, row: int) -> BaseModel:
        """Give `was` of another row."""
        return self.was.model_copy(update={"id": row})

    def now_of(self, row: int) -> BaseModel:
        """Give `now` of another row."""
        return self.now.model_copy(update={"id": row})


def age(model: type[BaseModel], *, inbox: Inbox | None = None, **settings: Any) -> Age:  # noqa: ANN401 - those of Table
    """Build functions with a contract for `customers`."""
    return Age((Table("customers", model, key="id", **settings),), inbox)


def _nested(kind: Any) -> type[BaseModel]:  # noqa: ANN401 - any type of a field
    """Make a model with a list of such values."""

    class Row(BaseModel):
        id: int
        places: list[kind]

    return Row


_CUSTOMER = "email VARCHAR(40) NOT NULL"
_OLD, _NEW = {"email": "old@x"}, {"email": "new@x"}
_was, _now = Customer(id=1, email="old@x"), Customer(id=1, email="new@x")
_REVISED = f"{_CUSTOMER}, revision BIGINT NOT NULL, region VARCHAR(9) NULL"


def _added(
    name: str, model: type[BaseModel], column: str, given: str, default: str | None
) -> Change:
    """Describe a new field with its column."""
    field_name = column.split(maxsplit=1)[0]
    return Change(
        name=name,
        old=age(Customer),
        new=age(model),
        columns=_CUSTOMER,
        migration=(f"ALTER TABLE customers ADD {column}",),
        was=_was,
        now=model(id=1, email="new@x", **{field_name: given}),
        inserted=_OLD | {field_name: default},
        written=_NEW | {field_name: given},
        updated=_OLD | {field_name: given},
    )


def _widened(
    name: str,
    models: tuple[type[BaseModel], type[BaseModel]],
    columns: tuple[str, str],
    values: tuple[object, object],
    *,
    stored: tuple[object, object] | None = None,
    **fates: Fate,
) -> Change:
    """Describe a field that takes more than it did, and its column."""
    field_name = columns[0].split(maxsplit=1)[0]
    was, now = ({field_name: value} for value in stored or values)
    return Change(
        name=name,
        old=age(models[0]),
        new=age(models[1]),
        columns=columns[0],
        migration=(f"ALTER TABLE customers MODIFY {columns[1]}",),
        was=models[0].model_validate({"id": 1, field_name: values[0]}),
        now=models[1].model_validate({"id": 1, field_name: values[1]}),
        inserted=was,
        written=now,
        updated=was,
        **fates,  # type: ignore[arg-type] # all of one type
    )


def _inside(name: str, kind: Any, wider: Any, more: Shown) -> Change:  # noqa: ANN401 - any types
    """Describe a new field of what a JSON column holds, which is one value, replaced as a whole."""
    was, now = {"city": "Graz"} | more, {"city": "Wien"} | more | {"zip": "1010"}
    models = (_nested(kind), _nested(wider))
    return replace(
        _widened(name, models, ("places JSON NOT NULL",) * 2, ([was], [now])),
        inserted={"places": [was | {"zip": ""}]},
        inserted_by_old={"places": [was]},
        updated={"places": [was | {"zip": ""}]},
        updated_by_old={"places": [was]},
        early="stores",
    )


CHANGES = [
    _added("optional field", WithPhone, "phone VARCHAR(20) NULL", "555", None),
    replace(
        _added(
            "field and column with defaults",
            WithTier,
            "tier VARCHAR(9) NOT NULL DEFAULT 'unset'",
            "gold",
            "basic",
        ),
        inserted_by_old=_OLD | {"tier": "unset"},
    ),
    replace(
        _added(
            "required column, default in the model",
            WithTier,
            "tier VARCHAR(9) NOT NULL",
            "gold",
            "basic",
        ),
        migrated="holds",
    ),
    Change(
        name="renamed: both columns",
        old=age(Named),
        new=age(Renaming),
        columns="name VARCHAR(40) NOT NULL",
        migration=("ALTER TABLE customers ADD full_name VARCHAR(40) NULL",),
        was=Named(id=1, name="Old"),
        now=Renaming(id=1, full_name="New"),
        inserted={"name": "Old", "full_name": "Old"},
        written={"name": "New", "full_name": "New"},
        updated={"name": "Old", "full_name": "Old"},
        inserted_by_old={"name": "Old", "full_name": None},
        updated_by_old={"name": "Old", "full_name": "New"},
    ),
    Change(
        name="renamed: the new column alone",
        old=age(Renaming),
        new=age(Renamed),
        columns="name VARCHAR(40) NOT NULL, full_name VARCHAR(40) NULL",
        migration=("ALTER TABLE customers DROP name, MODIFY full_name VARCHAR(40) NOT NULL",),
        was=Renaming(id=1, full_name="Old"),
        now=Renamed(id=1, full_name="New"),
        inserted={"full_name": "Old"},
        written={"full_name": "New"},
        updated={"full_name": "Old"},
        migrated="holds",
    ),
    Change(
        name="dropped column",
        old=age(Nicknamed),
        new=age(Dropping),
        columns=f"{_CUSTOMER}, nickname VARCHAR(20) NULL",
        migration=("ALTER TABLE customers DROP nickname",),
        was=Nicknamed(id=1, email="old@x", nickname="o"),
        now=Dropping(id=1, email="new@x"),
        inserted=_OLD,
        written=_NEW,
        updated=_OLD,
        migrated="holds",
        early="stores",
    ),
    Change(
        name="dropped field",
        old=age(Dropping),
        new=age(Customer),
        columns=_CUSTOMER,
        migration=(),
        was=Dropping(id=1, email="old@x"),
        now=_now,
        inserted=_OLD,
        written=_NEW,
        updated=_OLD,
        old_drainer="stores",
        early="stores",
    ),
    _widened(
        "longer text",
        (Short, Long),
        ("note VARCHAR(10) NOT NULL", "note VARCHAR(40) NOT NULL"),
        ("short", "longer than ten"),
        old_drainer="rejects",
        early="rejects",
    ),
    _widened(
        "larger number",
        (Counted, Counted),
        ("amount INT NOT NULL", "amount BIGINT NOT NULL"),
        (1, 5_000_000_000),
        old_drainer="stores",
        early="rejects",
    ),
    replace(
        _widened(
            "number with digits after the point",
            (Counted, Measured),
            ("amount INT NOT NULL", "amount DECIMAL(12,2) NOT NULL"),
            (1, Decimal("2.50")),
            old_drainer="rejects",
            early="stores",
        ),
        stored_early={"amount": 3},  # rounded by MySQL, as the guarantees say: migrate first
    ),
    _widened(
        "number to text",
        (Counted, Coded),
        ("amount INT NOT NULL", "amount VARCHAR(10) NOT NULL"),
        (1, "A7"),
        stored=("1", "A7"),
        old_drainer="rejects",
        early="rejects",
    ),
    _widened(
        "new member of an enumeration",
        (WithState, WithMoreStates),
        ("state ENUM('open') NOT NULL", "state ENUM('open', 'closed') NOT NULL"),
        ("open", "closed"),
        old_drainer="rejects",
        early="rejects",
    ),
    _inside("new field of a nested model", Address, AddressWithZip, {}),
    _inside("new field of a strict nested model", Strict, AddressWithZip, {}),
    _inside("new field of a nested dataclass", Place, PlaceWithZip, {"country": "AT"}),
    Change(
        name="sequence guard",
        old=age(Customer),
        new=age(Customer, sequence="ingest_sequence"),
        columns=_CUSTOMER,
        migration=("ALTER TABLE customers ADD ingest_sequence DECIMAL(39,0) NULL",),
        was=_was,
        now=_now,
        inserted=_OLD,
        written=_NEW,
        updated=_OLD,
        old_drainer="stores",
    ),
    Change(
        name="version guard",
        old=age(Revised),
        new=age(Revised, version="revision"),
        columns=_REVISED,
        migration=(),
        was=Revised(id=1, email="old@x", revision=1),
        now=Revised(id=1, email="new@x", revision=2),
        inserted=_OLD,
        written=_NEW,
        updated=_NEW,
        updated_by_old=_OLD,
        old_drainer="stores",
        early="stores",
    ),
    Change(
        name="inbox",
        old=age(Customer),
        new=age(Customer, inbox=Inbox()),
        columns=_CUSTOMER,
        migration=(),  # makes the inbox's table
        was=_was,
        now=_now,
        inserted=_OLD,
        written=_NEW,
        updated=_OLD,
        old_drainer="stores",
    ),
    Change(
        name="another group, with a version",
        old=age(Regional, version="revision"),
        new=age(Regional, version="revision", group="region"),
        columns=_REVISED,
        migration=(),
        was=Regional(id=1, email="old@x", revision=1),
        now=Regional(id=1, email="new@x", revision=2),
        inserted=_OLD,
        written=_NEW,
        updated=_NEW,
        old_drainer="stores",
        early="stores",
    ),
]
