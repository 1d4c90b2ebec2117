"""Records to JSON bodies and back, with nothing lost on the way."""

from __future__ import annotations

import re
from functools import cache
from math import isfinite
from types import new_class
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json, to_json

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
from durable_ingest.ports import Fault, Refusal
from durable_ingest.scalars import refusal

if TYPE_CHECKING:
    from durable_ingest.contract import Contract
    from durable_ingest.fields import ModelFields

_ILLEGAL_IN_A_BODY: Final = re.compile("[\ufffe\uffff]")
_MANY_ERRORS: Final = 20
_FORBIDDEN: Final = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
"""What pydantic calls an unknown field of a model or a dataclass that forbids them."""


class Undecodable(Exception):  # noqa: N818 - an answer rather than an error
    """A body that is no record of the contract; `refusal` says why, without its content."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


class Decoded(NamedTuple):
    """A record, and the fields that its body gave."""

    record: BaseModel
    present: frozenset[str]


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


def decode(contract: Contract, body: str, attributes: dict[str, str]) -> Decoded:
    """Read a body.

    Raises:
        Undecodable: `rejected` where it is no JSON object or fails the model; `misconfigured`
            where it has a field that this model, or one in it, does not know, or the model itself
            breaks.
    """
    names = contract.fields
    model = _base64_model(contract.model) if attributes.get(BYTES) == "base64" else contract.model
    try:
        given = from_json(body, allow_inf_nan=False)
    except (ValueError, RecursionError):
        raise _rejected("the body is not JSON") from None
    if not isinstance(given, dict):
        raise _rejected("the body is not a JSON object")
    kinds = set(map(type, given.values()))
    holds_more = dict in kinds or list in kinds
    if (holds_more or float in kinds) and _holds_infinity(given):
        raise _rejected("the body has a number that is too large for JSON's readers")
    if not given.keys() <= names.accepted.keys():
        raise _unknown_field(sorted(given.keys() - names.accepted.keys()))
    try:
        record = model.model_validate_json(_as_validation_reads_it(names, given, body))
    except ValidationError as error:
        if unknown := _unknown_fields(error):
            raise _unknown_field(unknown) from None
        raise _rejected(f"the body fails the model: {_describe(error)}") from None
    except Exception as error:  # noqa: BLE001 - a validator of the team's own may raise anything
        reason = f"the model's validation raised {type(error).__name__}"
        raise Undecodable(Refusal(Fault.MISCONFIGURED, reason)) from None
    if holds_more:
        _check_nothing_dropped(contract, record, given)
    return Decoded(record, names.present(tuple(given)))


def _as_validation_reads_it(names: ModelFields, given: dict[str, Any], body: str) -> str:
    """Rename what the model writes but does not read under that name; leave out the computed."""
    if not names.renames and not names.strip:
        return body
    if not names.renames.keys().isdisjoint(given) or not names.strip.isdisjoint(given):
        kept = {names.renames.get(n, n): given[n] for n in given if n not in names.strip}
        return to_json(kept).decode()
    return body


def _holds_infinity(value: object) -> bool:
    """Find a number such as 1e999: it is read as infinite, and would be stored as null."""
    match value:
        case float():
            return not isfinite(value)
        case dict():
            return any(map(_holds_infinity, value.values()))
        case list():
            return any(map(_holds_infinity, value))
        case _:
            return False


def _serialize(record: BaseModel, dumped: dict[str, Any]) -> tuple[str, dict[str, str]]:
    attributes: dict[str, str] = {}
    simple = PLAIN.issuperset(map(type, dumped.values()))
    if not simple and _needs_base64(record, dumped):
        _check_no_bytes_in_containers(dumped)
        values = {name: getattr(record, name) for name in type(record).model_fields}
        record = _base64_model(type(record)).model_construct(**values)
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


@cache
def _base64_model(model: type[BaseModel]) -> type[BaseModel]:
    config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
    return new_class(
        model.__name__, (model,), exec_body=lambda body: body.update(model_config=config)
    )


def _check_nothing_dropped(contract: Contract, record: BaseModel, given: dict[str, Any]) -> None:
    """Hold a body whose nested models know fewer fields than it gives."""
    from durable_ingest.nested import dropped  # noqa: PLC0415 - most models are flat

    for name, value in given.items():
        if isinstance(value, dict | list):
            for field in contract.fields.accepted[name]:
                if lost := dropped(value, getattr(record, field), name):
                    raise _unknown_field([lost])


def _unknown_fields(error: ValidationError) -> list[str]:
    """Name the nested fields that models forbid because they do not know them, if that is all.

    What is between a column and the field may be a dictionary's keys, so content.
    """
    details = error.errors(include_input=False, include_url=False, include_context=False)
    if any(detail["type"] not in _FORBIDDEN for detail in details):
        return []
    return sorted({f"{detail['loc'][0]}.{detail['loc'][-1]}" for detail in details})


def _rejected(reason: str) -> Undecodable:
    return Undecodable(Refusal(Fault.REJECTED, reason))


def _unknown_field(names: list[str]) -> Undecodable:
    shown = ", ".join(repr(name[:64]) for name in names[:_MANY_ERRORS])
    reason = f"the body has a field that this model does not know ({shown}); deploy the new model"
    return Undecodable(Refusal(Fault.MISCONFIGURED, reason))


def _not_read_back(reason: str) -> str:
    return f"does not pass its own model again: {reason}"


def _describe(error: ValidationError) -> str:
    """Name the fields and the kinds of error, never the values."""
    details = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(
        f"{detail['loc'][0] if detail['loc'] else 'body'}: {detail['type']}"
        for detail in details[:_MANY_ERRORS]
    )
