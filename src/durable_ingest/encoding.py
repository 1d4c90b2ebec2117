"""Records to JSON bodies, with nothing lost on the way."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json, to_json

from durable_ingest.decoding import Undecodable, base64_model, decode
from durable_ingest.errors import InvalidRecordError
from durable_ingest.fidelity import (
    PLAIN,
    changed_by_serializers,
    holds_a_set,
    holds_bytes,
    same,
    with_sets_sorted,
)
from durable_ingest.message import BYTES
from durable_ingest.scalars import refusal

if TYPE_CHECKING:
    from pydantic import BaseModel

    from durable_ingest.contract import Contract

_ILLEGAL_IN_A_BODY: Final = re.compile("[\ufffe\uffff]")


def encode(contract: Contract, record: BaseModel) -> tuple[str, dict[str, str]]:
    """Write a record as a body, and the message attributes that reading it needs.

    The body is read back and compared: what a drainer could not read, or would read otherwise
    (NaN, a custom serializer, a SecretStr), is refused here, where the caller can still be told.

    Raises:
        InvalidRecordError: names the fields and what is wrong with them.
    """
    try:
        dumped = _dump(record)
    except Exception as error:  # noqa: BLE001 - the model's own code may raise anything
        problem = f"cannot be read out: the model raised {type(error).__name__}"
        raise InvalidRecordError({"record": problem}) from None
    problems = {name: text for name, value in dumped.items() if (text := refusal(value))}
    if problems:
        raise InvalidRecordError(problems)
    body, attributes = _serialize(record, dumped)
    try:
        decoded = decode(contract, body, attributes)
    except Undecodable as error:
        raise InvalidRecordError({"record": _not_read_back(error.refusal.reason)}) from None
    if not decoded.present >= contract.fields.columns.keys():
        left_out = [field for field in contract.fields.columns if field not in decoded.present]
        problem = "is left out of the JSON by its model; a field that is absent changes nothing"
        raise InvalidRecordError(dict.fromkeys(left_out, problem))
    back = _dump(decoded.record)
    changed = [name for name, value in dumped.items() if not same(back.get(name, back), value)]
    changed += changed_by_serializers(contract, record, decoded.record)
    if changed:
        problem = "does not come back from its own JSON as it is (NaN, or a lossy serializer)"
        raise InvalidRecordError(dict.fromkeys(changed, problem))
    return body, attributes


def _serialize(record: BaseModel, dumped: dict[str, Any]) -> tuple[str, dict[str, str]]:
    attributes: dict[str, str] = {}
    simple = PLAIN.issuperset(map(type, dumped.values()))
    if not simple and _needs_base64(record, dumped):
        _check_no_bytes_in_containers(dumped)
        values = {name: getattr(record, name) for name in type(record).model_fields}
        record = base64_model(type(record)).model_construct(**values)
        attributes[BYTES] = "base64"
    try:
        body = record.model_dump_json(by_alias=True, warnings="error")
    except Exception:  # noqa: BLE001 - the model's own code may raise anything
        problem = "cannot be written as JSON (a value of another type than its field's?)"
        raise InvalidRecordError({"record": problem}) from None
    if not simple and any(map(holds_a_set, dumped.values())):
        body = to_json(with_sets_sorted(dumped, from_json(body))).decode()
    if not body.isascii():
        body = _ILLEGAL_IN_A_BODY.sub(lambda found: f"\\u{ord(found[0]):04x}", body)
    return body, attributes


def _needs_base64(record: BaseModel, dumped: dict[str, Any]) -> bool:
    as_text = record.model_config.get("ser_json_bytes", "utf8") == "utf8"
    return as_text and any(map(_is_no_utf8, dumped.values()))


def _is_no_utf8(value: object) -> bool:
    if not isinstance(value, bytes):
        return False
    try:
        value.decode()
    except UnicodeDecodeError:
        return True
    return False


def _dump(record: BaseModel) -> dict[str, Any]:
    return record.model_dump(mode="python", by_alias=True, warnings=False)


def _check_no_bytes_in_containers(dumped: dict[str, Any]) -> None:
    """Refuse what would stand in a JSON column in base64 or not, by its neighbours' content."""
    held = [name for name, v in dumped.items() if not isinstance(v, bytes) and holds_bytes(v)]
    if held:
        problem = "holds bytes beside bytes that are no UTF-8; set ser_json_bytes='base64'"
        raise InvalidRecordError(dict.fromkeys(held, problem))


def _not_read_back(reason: str) -> str:
    return f"does not pass its own model again: {reason}"
