"""What is sent is the whole record, in one spelling: what is absent counts as unchanged."""

import subprocess
import sys
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    computed_field,
    model_serializer,
)

from durable_ingest import Enqueuer, Table
from durable_ingest.decoding import decode
from durable_ingest.encoding import encode
from durable_ingest.errors import ContractError, InvalidRecordError


class Sparse(BaseModel):
    """A row whose JSON leaves out what is None."""

    id: str
    phone: str | None = None

    @model_serializer(mode="wrap")
    def _without_none(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in write(self).items() if value is not None}


class Brittle(BaseModel):
    """A row that cannot always be read out."""

    id: str
    parts: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def share(self) -> int:
        """Divide."""
        return 100 // self.parts


class Address(BaseModel):
    """A nested model that goes by its fields' names too."""

    model_config = ConfigDict(populate_by_name=True)
    post_code: Annotated[str, Field(alias="postCode")]


class Nested(BaseModel):
    """A row with containers."""

    id: str
    by_uuid: dict[UUID, int] = {}
    addresses: list[Address] = []
    tags: frozenset[str] = frozenset()


SPARSE = Table("sparse", Sparse, key="id")
NESTED = Table("nested", Nested, key="id")


def test_a_json_that_leaves_a_field_out_is_refused() -> None:
    """Absent means unchanged: setting `phone` to None would silently do nothing."""
    assert encode(SPARSE, Sparse(id="1", phone="5"))
    with pytest.raises(InvalidRecordError, match="phone: is left out"):
        encode(SPARSE, Sparse(id="1"))


def test_a_record_that_cannot_be_read_out_is_refused() -> None:
    """An exception of the model's own code becomes an InvalidRecordError."""
    contract = Table("brittle", Brittle, key="id")
    with pytest.raises(InvalidRecordError, match="ZeroDivisionError"):
        encode(contract, Brittle(id="1", parts=0))


def test_an_empty_idempotency_key_is_refused() -> None:
    """Taken for a key, it would make equal writes one, however far apart."""
    enqueuer = Enqueuer("https://sqs.eu-west-1.amazonaws.com/1/q.fifo", SPARSE, client=object())
    with pytest.raises(ContractError, match="idempotency_key: is empty"):
        enqueuer.enqueue(Sparse(id="1", phone="5"), idempotency_key="")


def test_too_few_idempotency_keys_are_refused() -> None:
    """An empty list is no "none given"."""
    enqueuer = Enqueuer("https://sqs.eu-west-1.amazonaws.com/1/q.fifo", SPARSE, client=object())
    with pytest.raises(ContractError, match="idempotency_keys: has 0 keys for 1 records"):
        enqueuer.enqueue_many([Sparse(id="1", phone="5")], idempotency_keys=[])


@pytest.mark.parametrize("seed", ["1", "2"])
def test_sets_are_written_in_one_order(seed: str) -> None:
    """A set's own order differs from process to process, and would be another write's id."""
    program = (
        "from pydantic import BaseModel\n"
        "from durable_ingest import Table\n"
        "from durable_ingest.encoding import encode\n"
        "class N(BaseModel):\n"
        "    id: str\n"
        "    tags: frozenset[str]\n"
        "record = N(id='1', tags={'d', 'a', 'c', 'b', 'e'})\n"
        "print(encode(Table('n', N, key='id'), record)[0])\n"
    )
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program],
        env={"PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == '{"id":"1","tags":["a","b","c","d","e"]}'


@pytest.mark.parametrize(
    "body",
    [
        '{"id":"1","by_uuid":{"5FEA7756-0EA4-451A-A703-A558B933E274":1}}',
        '{"id":"1","addresses":[{"post_code":"1010"},{"postCode":"1020"}]}',
        '{"id":"1","tags":["b","a"]}',
    ],
)
def test_nested_content_in_another_spelling_is_read(body: str) -> None:
    """Keys that are parsed, names that the model accepts: nothing of it is unknown."""
    assert decode(NESTED, body, {}).record.model_dump()["id"] == "1"


def test_a_version_may_be_an_aware_datetime() -> None:
    """Pydantic's own marker for datetimes with a zone is what a careful team writes."""

    class Row(BaseModel):
        id: str
        changed: AwareDatetime

    table = Table("rows", Row, key="id", version="changed")
    assert table.kinds_of("changed") == {"datetime"}
