"""Bodies: what is refused, by the name of its field, and what a drainer makes of others' bodies."""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Annotated, Any, Literal, NotRequired

import pytest
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    SecretStr,
    computed_field,
    field_serializer,
    field_validator,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import TypedDict

from durable_ingest import Table
from durable_ingest.decoding import Undecodable, decode
from durable_ingest.encoding import encode
from durable_ingest.errors import InvalidRecordError
from durable_ingest.rows import Fault
from tests.records import CUSTOMERS, Customer


class Inner(BaseModel):
    """A nested model."""

    text: str = ""
    data: bytes = b""
    at: float = 0.0


class Row(BaseModel):
    """A row with values that can go wrong."""

    id: str
    at: datetime | None = None
    ratio: float = 0.0
    ratios: list[float] = []
    price: Decimal = Decimal(0)
    secret: SecretStr | None = None
    inner: Inner | None = None
    anything: Any = None
    data: bytes = b""


ROWS = Table("rows", Row, key="id")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("at", datetime(2026, 1, 1)),  # noqa: DTZ001 - that is the point
        ("ratio", float("nan")),
        ("ratio", float("inf")),
        ("ratios", [1.0, float("nan")]),
        ("ratios", [float("-inf")]),
        ("price", Decimal("NaN")),
        ("price", Decimal("-Infinity")),
        ("secret", SecretStr("hush")),
        ("inner", Inner(at=float("inf"))),
        ("anything", (1, 2)),
        ("anything", {1, 2}),
        ("anything", b"bytes"),
        ("anything", Decimal("1.5")),
        ("anything", {1: "an int as name"}),
        ("anything", float("nan")),
    ],
)
def test_what_would_change_on_the_way_is_refused(field: str, value: object) -> None:
    """The error names the field; its text does not show the value."""
    record = Row(id="1").model_copy(update={field: value})
    with pytest.raises(InvalidRecordError) as raised:
        encode(ROWS, record)
    assert field in raised.value.problems or field in str(raised.value)
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize("mode", ["json", "always"])
def test_a_serializer_that_loses_something_is_refused(mode: Literal["json", "always"]) -> None:
    """The drainer would write another value than the one that was given."""

    class Lossy(BaseModel):
        id: str
        email: str

        @field_serializer("email", when_used=mode)
        def shorten(self, value: str) -> str:
            return value[:3]

    with pytest.raises(InvalidRecordError, match="email"):
        encode(Table("rows", Lossy, key="id"), Lossy(id="1", email="a@example.com"))


def test_a_serializer_that_raises_is_an_invalid_record() -> None:
    """The sender can answer for it; the serializer's own text may hold the value."""

    class Raising(BaseModel):
        id: str

        @field_serializer("id")
        def refuse(self, value: str) -> str:
            raise ValueError(value)

    with pytest.raises(InvalidRecordError) as raised:
        encode(Table("rows", Raising, key="id"), Raising(id="hush"))
    assert "hush" not in str(raised.value)


class _Autumn(tzinfo):
    """The hour that a local clock shows twice: its offset depends on `fold`."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        """Give summer time first."""
        return timedelta(hours=1 if moment is not None and moment.fold else 2)

    def dst(self, moment: datetime | None) -> timedelta:
        """Tell nothing."""
        del moment
        return timedelta(0)

    def tzname(self, moment: datetime | None) -> str:
        """Have a name."""
        del moment
        return "autumn"


@pytest.mark.parametrize("fold", [0, 1])
def test_the_hour_that_comes_twice_can_be_sent(fold: Literal[0, 1]) -> None:
    """Python takes such a moment for unequal to any of another zone (PEP 495)."""
    moment = datetime(2026, 10, 25, 2, 30, tzinfo=_Autumn(), fold=fold)
    body, attributes = encode(ROWS, Row(id="1", at=moment))
    back = decode(ROWS, body, attributes).record.model_dump()["at"]
    assert back.astimezone(UTC) == moment.astimezone(UTC)


def test_a_number_that_cannot_be_compared_is_refused() -> None:
    """A signalling NaN, which raises where a quiet one is unequal, inside a container."""
    with pytest.raises(InvalidRecordError):
        encode(ROWS, Row(id="1", anything=[Decimal("sNaN")]))


def test_what_has_no_json_is_refused() -> None:
    """Whatever an `Any` may hold."""
    with pytest.raises(InvalidRecordError):
        encode(ROWS, Row(id="1", anything=object()))


def test_a_value_of_another_type_than_its_fields_is_refused() -> None:
    """Made past validation."""
    with pytest.raises(InvalidRecordError):
        encode(CUSTOMERS, Customer(customer_id="").model_copy(update={"customer_id": 5}))


def test_a_record_that_its_own_model_refuses_is_refused() -> None:
    """The drainer would dead-letter it."""

    class Short(BaseModel):
        id: str = Field(max_length=3)

    with pytest.raises(InvalidRecordError, match="id: string_too_long"):
        encode(Table("rows", Short, key="id"), Short.model_construct(id="long"))


def test_a_lone_surrogate_is_refused() -> None:
    """It has no UTF-8."""
    with pytest.raises(InvalidRecordError):
        encode(CUSTOMERS, Customer.model_construct(customer_id="\ud800", email=""))


def test_bytes_that_are_no_utf8_travel_in_base64() -> None:
    """A message attribute says so, and only then."""
    record = Row(id="1", data=b"\xff")
    body, attributes = encode(ROWS, record)
    assert attributes == {"ingest.bytes": "base64"}
    assert decode(ROWS, body, attributes).record.model_dump() == record.model_dump()
    assert encode(ROWS, Row(id="1", data=b"abc"))[1] == {}


def test_noncharacters_are_escaped() -> None:
    """SQS refuses U+FFFE and U+FFFF as they are."""
    body, _ = encode(CUSTOMERS, Customer(customer_id="1", email="\ufffe\uffff\0\x1f\U0001f600"))
    assert '"email":"\\ufffe\\uffff\\u0000\\u001f\U0001f600"' in body


class Renamed(BaseModel):
    """Written under other names than it is read."""

    model_config = ConfigDict(extra="forbid")
    id: str = Field(validation_alias="ID", serialization_alias="row_id")
    hidden: str = Field(default="kept", exclude=True)
    note: str = "none"

    @computed_field  # type: ignore[prop-decorator] # pydantic's own advice
    @property
    def shout(self) -> str:
        """Give a column that the model computes."""
        return self.id.upper()


RENAMED = Table("rows", Renamed, key="id")


def test_a_model_reads_its_own_names() -> None:
    """Aliases both ways, computed fields of a model that forbids extras, excluded fields."""
    record = Renamed.model_validate({"ID": "a"})
    body, attributes = encode(RENAMED, record)
    assert body == '{"row_id":"a","note":"none","shout":"A"}'
    decoded = decode(RENAMED, body, attributes)
    assert decoded.record == record
    assert decoded.present == {"id", "note", "shout"}


def test_fields_that_a_body_leaves_out_are_not_present() -> None:
    """They take their default at insert; what is computed of them is not present either."""
    decoded = decode(RENAMED, '{"ID":"a"}', {})
    assert decoded.present == {"id"}
    assert decoded.record.model_dump()["note"] == "none"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ('{"id": NaN}', "not JSON"),
        ("[" * 5000, "not JSON"),
        ("[]", "not a JSON object"),
        ("null", "not a JSON object"),
        ('"text"', "not a JSON object"),
        ("{}", "id: missing"),
        ('{"id": 5}', "id: string_type"),
        ('{"id": "1", "at": "hush"}', "at: datetime"),
        ('{"id": "1", "ratios": [1, 1e999]}', "too large"),
        ('{"id": "1", "ratios": [1, 1e999], "fresh": 1}', "too large"),
    ],
)
def test_a_body_that_is_no_record_is_rejected(body: str, reason: str) -> None:
    """For ever: it goes to the dead-letter queue, without its content in the reason."""
    with pytest.raises(Undecodable, match=reason) as raised:
        decode(ROWS, body, {})
    assert raised.value.refusal.fault is Fault.REJECTED
    assert "hush" not in raised.value.refusal.reason


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ('{"id": "1", "fresh": 1}', "'fresh'"),
        ('{"id": "1", "inner": {"text": "a", "fresh": 1}}', "'inner.fresh'"),
    ],
)
def test_a_field_that_the_model_does_not_know_holds_the_message(body: str, name: str) -> None:
    """An old drainer must not drop a new column, nested ones neither."""
    with pytest.raises(Undecodable, match=name) as raised:
        decode(ROWS, body, {})
    assert raised.value.refusal.fault is Fault.MISCONFIGURED


@dataclass(frozen=True)
class Token:
    """A nested dataclass that sets may hold."""

    value: int
    metal: str = "tin"


@dataclass
class Coin:
    """A nested dataclass."""

    value: int
    metal: Annotated[str, Field(validation_alias=AliasChoices("metal", "alloy"))] = "gold"
    years: list[int] = field(default_factory=list)


@pydantic_dataclass
class Box:
    """A nested dataclass of pydantic's, with one inside."""

    coins: list[Coin]
    label: str = Field(default="", alias="tag")

    @computed_field
    def full(self) -> bool:
        """Say whether there is anything in it."""
        return bool(self.coins)


class Pair(RootModel[list[Inner]]):
    """A nested model that is a list."""


class Open(BaseModel):
    """A nested model that keeps what it does not know."""

    model_config = ConfigDict(extra="allow")
    inner: Inner | None = None


class Strict(BaseModel):
    """A nested model that forbids what it does not know."""

    model_config = ConfigDict(extra="forbid")
    text: str = ""


class Label(TypedDict):
    """A nested TypedDict, whose fields pydantic puts in this order."""

    color: Inner
    shape: Strict
    size: NotRequired[int]


class Cabinet(BaseModel):
    """A row with values of many kinds in JSON columns."""

    id: str
    coin: Coin | None = None
    box: Box | None = None
    tokens: frozenset[Token] = frozenset()
    pair: Pair | None = None
    open: Open | None = None
    queue: deque[Inner] = deque()
    strict: list[Strict] = []
    label: Label | None = None


CABINETS = Table("cabinets", Cabinet, key="id")


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ('"coin": {"value": 1, "fresh": 1}', "'coin.fresh'"),
        ('"box": {"coins": [], "fresh": 1}', "'box.fresh'"),
        ('"box": {"coins": [{"value": 1, "fresh": 1}]}', r"'box.coins\[\].fresh'"),
        ('"tokens": [{"value": 1}, {"value": 2, "fresh": 1}]', r"'tokens\[\].fresh'"),
        ('"pair": [{"text": "a", "fresh": 1}]', r"'pair\[\].fresh'"),
        ('"open": {"more": 1, "inner": {"fresh": 1}}', "'open.inner.fresh'"),
        ('"queue": [{"fresh": 1}]', r"'queue\[\].fresh'"),
        ('"strict": [{"text": "a"}, {"fresh": 1}]', "'strict.fresh'"),
        ('"label": {"shape": {}, "size": 1, "color": {"fresh": 1}}', r"'label.\*.fresh'"),
    ],
)
def test_a_field_that_what_is_nested_does_not_know_holds_the_message(value: str, name: str) -> None:
    """Whatever it is nested in, and however many fields it may leave out."""
    with pytest.raises(Undecodable, match=name) as raised:
        decode(CABINETS, f'{{"id": "1", {value}}}', {})
    assert raised.value.refusal.fault is Fault.MISCONFIGURED


@pytest.mark.parametrize(
    "value",
    [
        '"coin": {"value": 1}',
        '"coin": {"value": 1, "alloy": "brass", "years": [1]}',
        '"box": {"coins": [{"value": 1}], "tag": "t", "full": true}',
        '"tokens": [{"value": 1}, {"value": 2, "metal": "tin"}]',
        '"pair": [{"text": "a"}]',
        '"open": {"more": {"fresh": 1}, "inner": {"text": "a"}}',
        '"queue": [{"text": "a"}, {}]',
        '"strict": [{}]',
        '"label": {"size": 1, "shape": {}, "color": {"at": 1.5}}',
    ],
)
def test_what_is_nested_is_read_by_all_its_names(value: str) -> None:
    """Nothing of it is unknown."""
    assert decode(CABINETS, f'{{"id": "1", {value}}}', {}).present >= {"id"}


def test_a_nested_model_that_refuses_more_than_a_field_rejects_the_message() -> None:
    """Another model would not take it either."""
    body = '{"id": "1", "strict": [{"fresh": 1}, {"text": 5}]}'
    with pytest.raises(Undecodable, match="the body fails the model") as raised:
        decode(CABINETS, body, {})
    assert raised.value.refusal.fault is Fault.REJECTED


def test_a_validator_that_breaks_holds_the_message() -> None:
    """It is the code that is wrong, not the row; the validator's text is not shown."""

    class Breaking(BaseModel):
        id: str

        @field_validator("id")
        @classmethod
        def look_up(cls, value: str) -> str:
            raise LookupError(value)

    with pytest.raises(Undecodable, match="LookupError") as raised:
        decode(Table("rows", Breaking, key="id"), '{"id": "hush"}', {})
    assert raised.value.refusal.fault is Fault.MISCONFIGURED
    assert "hush" not in raised.value.refusal.reason


def test_names_inside_a_dict_are_content() -> None:
    """The reason tells the field, not what the row's own dict has in it."""

    class Prices(BaseModel):
        id: str
        by_person: dict[str, float]

    with pytest.raises(Undecodable, match="by_person") as raised:
        decode(Table("rows", Prices, key="id"), '{"id":"1","by_person":{"hush":"x"}}', {})
    assert "hush" not in raised.value.refusal.reason
