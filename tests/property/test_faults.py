"""Whatever a row holds, a description of its error does not."""

from hypothesis import given
from hypothesis import strategies as st

from durable_ingest.mysql.codes import CODES
from durable_ingest.mysql.faults import classify, describe
from durable_ingest.rows import Fault

_MESSAGES = [
    (1062, "Duplicate entry '{}' for key 'customers.email'"),
    (1062, "Duplicate entry '{}-1' for key 'PRIMARY'"),
    (1264, "Out of range value for column 'name' at row 1 {}"),
    (1265, "Data truncated for column 'name' at row 1: {}"),
    (1292, "Incorrect datetime value: '{}' for column 'name' at row 1"),
    (1292, "Truncated incorrect DOUBLE value: '{}'"),
    (1366, "Incorrect string value: '{}' for column 'name' at row 1"),
    (1366, "Incorrect integer value: '{}' for column `d`.`t`.`name` at row 1"),
    (1411, "Incorrect datetime value: '{}' for function str_to_date"),
    (1690, "BIGINT value is out of range in '({})'"),
    (1644, "{}"),
    (3140, "Invalid JSON text: {} at position 1 in value for column 'customers.name'."),
    (9999, "{}"),
]
_WORDS = ["for key '", "' for key '", "constraint '", "CONSTRAINT `", "column '", "' ", "` ", "'"]
_values = st.lists(st.sampled_from(_WORDS) | st.text(max_size=6), max_size=4).map("".join)
_SECRET = "hush-7"


@given(st.sampled_from(_MESSAGES), _values, _values)
def test_no_value_is_shown(message: tuple[int, str], before: str, after: str) -> None:
    """MySQL's texts quote the row: what stands in it may look like anything."""
    code, text = message
    described = describe(code, text.format(before + _SECRET + after), ["name", "email"])
    assert _SECRET not in described


@given(st.integers(0, 65535), st.none() | st.text(max_size=5), st.text(), st.lists(st.text()))
def test_every_error_has_a_fault_and_words(
    code: int, sqlstate: str | None, text: str, columns: list[str]
) -> None:
    """Whatever a server says."""
    assert classify(code, sqlstate, text, columns) in Fault
    assert describe(code, text, columns)


@given(
    st.sampled_from(sorted(code for codes in CODES.values() for code in codes)),
    st.text(),
    st.text("0123456789ABCHYS", min_size=5, max_size=5),
)
def test_a_known_code_is_not_overruled_by_its_sqlstate(code: int, text: str, sqlstate: str) -> None:
    """1153 has a network's class, 1203 a syntax error's."""
    assert classify(code, sqlstate, text) is classify(code, None, text)
