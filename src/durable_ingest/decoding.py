"""JSON bodies to records, with nothing lost on the way."""

from __future__ import annotations

from functools import cache
from math import isfinite
from types import new_class
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json, to_json

from durable_ingest.message import BYTES
from durable_ingest.rows import Fault, Refusal
from durable_ingest.value import Value

if TYPE_CHECKING:
    from durable_ingest.contract import Contract
    from durable_ingest.fields import ModelFields

_MANY_ERRORS: Final = 20
_FORBIDDEN: Final = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
"""What pydantic calls an unknown field of a model or a dataclass that forbids them."""


class Undecodable(Exception):  # noqa: N818 - an answer rather than an error
    """A body that is no record of the contract; `refusal` says why, without its content."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


class Decoded(Value):
    """A record, and the fields that its body gave."""

    record: BaseModel
    present: frozenset[str]


def decode(contract: Contract, body: str, attributes: dict[str, str]) -> Decoded:
    """Read a body.

    Raises:
        Undecodable: `rejected` where it is no JSON object or fails the model; `misconfigured`
            where it has a field that this model, or one in it, does not know, or the model itself
            breaks.
    """
    names = contract.fields
    model = base64_model(contract.model) if attributes.get(BYTES) == "base64" else contract.model
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
    try:
        present = names.present(given)
    except KeyError:
        raise _unknown_field(sorted(given.keys() - names.accepted.keys())) from None
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
    return Decoded(record=record, present=present)


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


@cache
def base64_model(model: type[BaseModel]) -> type[BaseModel]:
    """Make the model that has all bytes in base64."""
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


def _describe(error: ValidationError) -> str:
    """Name the fields and the kinds of error, never the values."""
    details = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(
        f"{detail['loc'][0] if detail['loc'] else 'body'}: {detail['type']}"
        for detail in details[:_MANY_ERRORS]
    )
