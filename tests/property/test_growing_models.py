"""Whatever a model is made of: an older one never takes a newer body and drops a part of it."""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import field, make_dataclass
from typing import Any, Literal, NamedTuple, NotRequired, Optional, Union

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict, RootModel, create_model
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import TypedDict

from durable_ingest import Table
from durable_ingest.contract import Contract
from durable_ingest.decoding import Undecodable, decode
from durable_ingest.encoding import encode

MODELS = ("model", "strict", "open", "dataclass", "pydantic dataclass", "typed dict")
EXTRA: dict[str, Literal["ignore", "forbid", "allow"]] = {
    "model": "ignore",
    "strict": "forbid",
    "open": "allow",
}


def of(generic: Any, *parameters: Any) -> Any:  # noqa: ANN401 - of types that are drawn
    """Give a generic type its parameters."""
    return generic[parameters if len(parameters) > 1 else parameters[0]]


WRAPPERS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "list": (lambda kind: of(list, kind), lambda value: [value, value]),
    "tuple": (lambda kind: of(tuple, kind, int), lambda value: [value, 1]),
    "deque": (lambda kind: of(deque, kind), lambda value: [value]),
    "dictionary": (lambda kind: of(dict, str, kind), lambda value: {"a": value, "b": value}),
    "dictionary by number": (lambda kind: of(dict, int, kind), lambda value: {"1": value}),
    "optional": (lambda kind: of(Optional, kind), lambda value: value),
    "union": (lambda kind: of(Union, int, kind, list[int]), lambda value: value),
    "root model": (lambda kind: of(RootModel, of(list, kind)), lambda value: [value]),
}
"""What may be around a model: as a type, and as a value."""


class Node(NamedTuple):
    """A nested model: of which kind, what is around it, and what is in it."""

    kind: str
    around: tuple[str, ...]
    inside: "Node | None"
    grows: bool


def nodes() -> st.SearchStrategy[Node]:
    """Draw models of models, the innermost of which grows."""
    around = st.lists(st.sampled_from(sorted(WRAPPERS)), max_size=2).map(tuple)
    kinds = st.sampled_from(MODELS)
    grown = st.builds(
        Node,
        kind=kinds.filter(lambda kind: kind != "open"),
        around=around,
        inside=st.none(),
        grows=st.just(value=True),
    )
    return st.recursive(
        grown,
        lambda inner: st.builds(
            Node, kind=kinds, around=around, inside=inner, grows=st.just(value=False)
        ),
        max_leaves=3,
    )


def type_of(node: Node, *, new: bool) -> Any:  # noqa: ANN401 - of any kind
    """Make its class, with a field more where it is new and grows."""
    fields: dict[str, Any] = {"text": str}
    if node.inside is not None:
        fields["inside"] = type_of(node.inside, new=new)
    more = {"fresh": str} if new and node.grows else {}
    made = model_of(node.kind, fields, more)
    for name in node.around:
        made = WRAPPERS[name][0](made)
    return made


def model_of(kind: str, fields: dict[str, Any], more: dict[str, Any]) -> Any:  # noqa: ANN401 - of any kind
    """Make a class of some kind; it has a default for all but what is nested."""
    optional = {"text": str, "other": str, **more}
    required = {name: given for name, given in fields.items() if name not in optional}
    match kind:
        case "dataclass" | "pydantic dataclass":
            defaults = [(name, given, field(default="")) for name, given in optional.items()]
            made = make_dataclass("Nested", [*required.items(), *defaults])
            return pydantic_dataclass(made) if kind == "pydantic dataclass" else made
        case "typed dict":
            absent = {name: of(NotRequired, given) for name, given in optional.items()}
            make: Any = TypedDict
            return make("Nested", required | absent)
        case _:
            declared: dict[str, Any] = {name: (given, ...) for name, given in required.items()}
            declared |= {name: (given, "") for name, given in optional.items()}
            return create_model("Nested", __config__=ConfigDict(extra=EXTRA[kind]), **declared)


def value_of(node: Node, *, new: bool) -> Any:  # noqa: ANN401 - parsed JSON
    """Write what it stands for in a body; one of its fields is left out."""
    value: Any = {"text": "t"}
    if node.inside is not None:
        value["inside"] = value_of(node.inside, new=new)
    if new and node.grows:
        value["fresh"] = "f"
    for name in node.around:
        value = WRAPPERS[name][1](value)
    return value


def table(node: Node, *, new: bool) -> Contract:
    """Make a contract with such a field."""
    model = create_model("Row", id=(str, ...), tree=(type_of(node, new=new), ...))
    return Table("rows", model, key="id")


def body(node: Node, *, new: bool) -> str:
    """Write a body as another producer may, which leaves fields out."""
    return json.dumps({"id": "1", "tree": value_of(node, new=new)})


@given(nodes())
def test_an_older_model_drops_nothing(node: Node) -> None:
    """It takes a newer body only where it keeps all of it, as what is open inside out does."""
    text = body(node, new=True)
    try:
        decoded = decode(table(node, new=False), text, {})
    except Undecodable:
        return
    assert decoded.record.model_dump_json().count("fresh") == text.count("fresh")


@given(node=nodes(), new=st.booleans())
def test_a_newer_model_takes_the_bodies_of_both_ages(node: Node, *, new: bool) -> None:
    """And what it makes of them can be sent again."""
    contract = table(node, new=True)
    record = decode(contract, body(node, new=new), {}).record
    text, attributes = encode(contract, record)
    assert decode(contract, text, attributes).record == record
