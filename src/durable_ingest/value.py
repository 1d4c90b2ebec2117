"""Bases of what is never changed once it is made.

Type checkers read what is derived from them as frozen dataclasses. A dataclass or a named tuple
writes and compiles its methods each time that its module is imported, and some twenty of them
would make up a good part of a cold start.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, dataclass_transform

T = TypeVar("T")

if TYPE_CHECKING:

    class _Fields:
        def __init__(self, **fields: object) -> None: ...

else:
    _Fields = SimpleNamespace  # which type checkers take to have every attribute


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Value(_Fields):
    """A small value: made with keywords, as many as it has fields, and compared by them."""

    def changed(self, **changes: Any) -> Self:  # noqa: ANN401 - of any field
        """Make one that differs in some fields."""
        return type(self)(**{**vars(self), **changes})

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (type(self), vars(self))


def _made(kind: type[Value], fields: dict[str, Any]) -> Value:
    return kind(**fields)


@dataclass_transform(frozen_default=True)
def arguments_are_read_only(kind: type[T]) -> type[T]:
    """Tell type checkers of a `Frozen` class; not of a team's own subclasses, which add to it."""
    return kind


class Frozen:
    """What a team makes: its arguments are checked, compared and shown, and cannot be set again."""

    _hidden: ClassVar[tuple[str, ...]] = ()
    """Arguments that are not shown: secrets."""

    def __init__(self, **arguments: object) -> None:
        vars(self).update(arguments, _arguments=arguments)

    def __setattr__(self, name: str, value: object) -> None:
        raise _fixed(self, name)

    def __delattr__(self, name: str) -> None:
        raise _fixed(self, name)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return bool(vars(other)["_arguments"] == vars(self)["_arguments"])

    def __hash__(self) -> int:
        return hash(tuple(vars(self)["_arguments"].values()))

    def __repr__(self) -> str:
        given = vars(self)["_arguments"].items()
        shown = [f"{name}={value!r}" for name, value in given if name not in self._hidden]
        return f"{type(self).__name__}({', '.join(shown)})"


def _fixed(made: Frozen, name: str) -> AttributeError:
    return AttributeError(f"{name!r} of a {type(made).__name__} cannot be changed; make another")
