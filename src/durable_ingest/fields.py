"""How a pydantic model's fields are called in a JSON body and in a MySQL table."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from pydantic import AliasChoices, AliasPath, BaseModel

from durable_ingest.errors import ContractError
from durable_ingest.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic.fields import FieldInfo

_FIELDS: Final = "__pydantic_fields__"
_MOST_KNOWN: Final = 64  # which fields a body gives is its sender's choice


class ModelFields(Value):
    """The names of one model.

    A column is called as its field is in the model's JSON (the serialization alias, else the
    alias, else the name).
    """

    columns: dict[str, str]
    """Field -> column, in the model's order, computed fields last; excluded fields are absent."""
    computed: frozenset[str]
    """The fields among them that the model computes."""
    accepted: dict[str, frozenset[str]]
    """Every name that may stand in a body -> the fields that it gives."""
    renames: dict[str, str]
    """Names in the model's own JSON that its validation does not know -> the ones it does."""
    strip: frozenset[str]
    """Names to take out before validation: computed fields of a model that forbids extras."""
    known: dict[tuple[str, ...], frozenset[str]]
    """What `present` has answered so far."""

    def present(self, given: Iterable[str]) -> frozenset[str]:
        """Tell which fields the names in a body give.

        Computed ones count once nothing they rest on is missing.

        Raises:
            KeyError: a name is not accepted.
        """
        names = tuple(given)
        found = self.known.get(names)
        if found is None:
            found = frozenset().union(*(self.accepted[name] for name in names))
            if found >= self.columns.keys() - self.computed:
                found |= self.computed
            if len(self.known) < _MOST_KNOWN:
                self.known[names] = found
        return found


def fields_of(model: type[BaseModel]) -> ModelFields:
    """Read a model's names.

    Raises:
        ContractError: the model cannot be a row, or its JSON cannot be read back.
    """
    _check_is_row(model)
    columns: dict[str, str] = {}
    renames: dict[str, str] = {}
    config = model.model_config
    by_name = bool(config.get("populate_by_name") or config.get("validate_by_name"))
    for name, info in model.model_fields.items():
        if info.exclude is True:
            _check_has_default(name, info)
            continue
        column = info.serialization_alias or info.alias or name
        columns[name] = column
        if column not in _readable_names(name, info, by_name=by_name):
            renames[column] = _plain_name(name, info)
    computed = {
        name: info.alias or name
        for name, info in model.model_computed_fields.items()
        if name not in model.model_fields
    }
    columns.update(computed)
    _check_distinct(columns)
    forbids = config.get("extra") == "forbid"
    return ModelFields(
        columns=columns,
        computed=frozenset(computed),
        accepted=names_of(model),
        renames=renames,
        strip=frozenset(computed.values()) if forbids else frozenset(),
        known={},
    )


@cache
def names_of(model: type) -> dict[str, frozenset[str]]:
    """Give every name that may stand in a nested model's JSON -> the fields that it gives.

    Args:
        model: a pydantic model, or a dataclass that is nested in one.
    """
    kind: Any = model if hasattr(model, _FIELDS) else _as_pydantic_reads_it(model)
    config = _config(model)
    by_name = bool(config.get("populate_by_name") or config.get("validate_by_name"))
    names: dict[str, set[str]] = {}
    for name, info in getattr(kind, _FIELDS).items():
        written = info.serialization_alias or info.alias or name
        for text in (*_readable_names(name, info, by_name=by_name), written):
            names.setdefault(text, set()).add(name)
    for name, computed in kind.__pydantic_decorators__.computed_fields.items():
        names.setdefault(computed.info.alias or name, set())
    return {text: frozenset(fields) for text, fields in names.items()}


def keeps_unknown(model: type) -> bool:
    """Say whether a nested model keeps the fields that it does not know."""
    return _config(model).get("extra") == "allow"


def _config(model: type) -> Mapping[str, Any]:
    name = "model_config" if issubclass(model, BaseModel) else "__pydantic_config__"
    config: Mapping[str, Any] = getattr(model, name, {})
    return config


def _as_pydantic_reads_it(model: type) -> type:
    """Make the class that says what pydantic reads into a dataclass of the standard library."""
    from pydantic.dataclasses import dataclass as read  # noqa: PLC0415 - few models need it

    frozen = getattr(model, "__dataclass_params__").frozen  # noqa: B009 - types do not know it
    made: type = read(model, frozen=frozen)
    return made


def _check_is_row(model: object) -> None:
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise ContractError("model", "must be a pydantic BaseModel class")
    if model.__pydantic_root_model__:
        raise ContractError("model", "is a RootModel, whose JSON is no object; a row needs fields")
    if model.model_config.get("extra") == "allow":
        problem = "allows extra fields, which have no column; use extra='ignore' or 'forbid'"
        raise ContractError("model", problem)


def _check_has_default(name: str, info: FieldInfo) -> None:
    if info.is_required():
        problem = f"{name!r} is excluded from the JSON but required; give it a default"
        raise ContractError("model", problem)


def _check_distinct(columns: dict[str, str]) -> None:
    seen: dict[str, str] = {}
    for name, column in columns.items():
        other = seen.setdefault(column.lower(), name)
        if other != name:
            problem = f"{other!r} and {name!r} are both the column {column!r}; MySQL ignores case"
            raise ContractError("model", problem)


def _readable_names(name: str, info: FieldInfo, *, by_name: bool) -> set[str]:
    alias: Any = info.validation_alias if info.validation_alias is not None else info.alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    readable = {str(c.path[0]) if isinstance(c, AliasPath) else c for c in choices if c is not None}
    if by_name or not readable:
        readable.add(name)
    return readable


def _plain_name(name: str, info: FieldInfo) -> str:
    alias: Any = info.validation_alias if info.validation_alias is not None else info.alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    for choice in choices:
        if isinstance(choice, str):
            return choice
    if alias is None:
        return name
    raise ContractError("model", f"{name!r} cannot be read back from the name it is written under")
