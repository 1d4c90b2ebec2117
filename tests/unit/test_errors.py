"""One tree of exceptions, as its module draws it."""

import inspect
import re

import pytest

from durable_ingest import errors
from durable_ingest.errors import DurableIngestError, EnqueueError, Failure, MisconfiguredError

_KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, Exception) and kind.__module__ == errors.__name__
]


def test_the_drawing_names_every_exception_once() -> None:
    """And none that is not there."""
    drawn = re.findall(r"^[^\w\n]*(\w+Error|Reject)\b", errors.__doc__ or "", re.MULTILINE)
    assert sorted(drawn) == sorted(kind.__name__ for kind in _KINDS)


@pytest.mark.parametrize("kind", _KINDS)
def test_every_exception_has_the_one_root(kind: type[Exception]) -> None:
    """So that one `except` catches all."""
    assert issubclass(kind, DurableIngestError)


def test_a_refused_queue_is_both_kinds() -> None:
    """Some records are not stored, because the set-up is wrong."""
    assert issubclass(errors.QueueRefusedError, (EnqueueError,))
    assert issubclass(errors.QueueRefusedError, (MisconfiguredError,))


def test_an_enqueue_error_carries_lists_of_its_own() -> None:
    """What its maker does with the given ones does not matter."""
    failure = Failure(0, "X", retryable=True, in_doubt=False, attempted=False, idempotency_key="k")
    failures = [failure]
    error = EnqueueError("text", receipts=(None,), failures=failures)
    failures.clear()
    assert (error.receipts, error.failures) == ([None], [failure])
    assert failure.not_attempted
    assert str(error) == "text"


def test_an_invalid_record_lists_its_fields() -> None:
    """In the text as well."""
    error = errors.InvalidRecordError({"a": "is bad", "b": "too"})
    assert error.problems == {"a": "is bad", "b": "too"}
    assert str(error) == "a: is bad; b: too"


def test_a_held_batch_says_which_messages() -> None:
    """Ids and reasons."""
    error = errors.BatchHeldError("held 1 of 2", {"m-1": "the server refuses connections"})
    assert error.held == {"m-1": "the server refuses connections"}
