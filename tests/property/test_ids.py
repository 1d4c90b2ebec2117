"""Group and deduplication ids of any key and any content."""

import unicodedata
from collections.abc import Callable
from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel, create_model

from durable_ingest import Table
from durable_ingest.outgoing import dedup_id, group_id
from durable_ingest.scalars import KEY_TYPES, canonical
from tests.records import CUSTOMERS, Customer

_LEGAL = frozenset(map(chr, range(0x21, 0x7F)))

_texts = st.text(st.characters(exclude_categories=["Cs"]))
_keys = st.one_of(
    _texts,
    st.integers(),
    st.booleans(),
    st.decimals(allow_nan=False, allow_infinity=False, places=4),
    st.uuids(),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.binary(max_size=200),
)
_latin = st.text(st.characters(max_codepoint=0x24F, categories=["Lu", "Ll", "Nd", "Zs", "Po"]))
_foldings: st.SearchStrategy[Callable[[str], str]] = st.sampled_from(
    [
        str.casefold,
        lambda text: text + "   ",
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: unicodedata.normalize("NFKC", text),
        lambda text: "".join(c + "\u0301" for c in text),
        "\u200b".join,
    ]
)


@given(_keys, st.text(st.characters(max_codepoint=0xFFFF, categories=["L", "N"]), min_size=1))
def test_a_group_id_is_what_sqs_takes(key: object, name: str) -> None:
    """1 to 128 ASCII letters, digits and punctuation, with the key alone and with its contract."""
    assert isinstance(key, KEY_TYPES)
    model: type[BaseModel] = create_model("Row", id=(type(key), ...))
    for group in (None, "id"):
        contract = Table(name[:60], model, key="id", group=group)
        found = group_id(contract, model.model_construct(id=key))
        assert 1 <= len(found) <= 128
        assert set(found) <= _LEGAL


@given(_latin, _foldings)
def test_keys_that_mysql_takes_for_one_share_a_group(key: str, fold: Callable[[str], str]) -> None:
    """However they are written: case, accents, trailing spaces, ignorable characters."""
    one, other = Customer(customer_id=key), Customer(customer_id=fold(key))
    assert group_id(CUSTOMERS, one) == group_id(CUSTOMERS, other)


@given(_texts, _texts)
def test_keys_that_are_told_apart_have_groups_of_their_own(one: str, other: str) -> None:
    """An id gives the canonical key back, or its hash."""
    assume(canonical(one) != canonical(other))
    assert group_id(CUSTOMERS, Customer(customer_id=one)) != group_id(
        CUSTOMERS, Customer(customer_id=other)
    )


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-1e20, max_value=1e20))
def test_equal_numbers_are_one_key(number: Decimal) -> None:
    """However many zeros they are written with."""
    padded = Decimal(f"{number:f}" + ("" if "." in f"{number:f}" else ".") + "00")
    assert canonical(number) == canonical(padded)
    if number == int(number):
        assert canonical(number) == canonical(int(number))


_parts = st.tuples(_texts, _texts, st.none() | _texts, _texts)


@given(_parts, _parts)
def test_a_deduplication_id_differs_where_any_part_does(
    one: tuple[str, str, str | None, str], other: tuple[str, str, str | None, str]
) -> None:
    """And is the same where none does."""
    assert (dedup_id(*one) == dedup_id(*other)) == (one == other)
    assert set(dedup_id(*one)) <= _LEGAL


@given(_parts, st.integers(0, 3), _texts)
def test_changing_one_part_changes_the_deduplication_id(
    parts: tuple[str, str, str | None, str], place: int, text: str
) -> None:
    """Each of the four, also where text moves from one to its neighbour."""
    changed = [*parts]
    changed[place] = text
    assume(text != parts[place])
    assert dedup_id(*parts) != dedup_id(*changed)  # type: ignore[arg-type]
    moved = (parts[0] + parts[1], "", *parts[2:])
    assert (dedup_id(*parts) == dedup_id(*moved)) == (parts == moved)
