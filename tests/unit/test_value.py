"""What is never changed once it is made: compared, copied and shown by what it was made of."""

import copy
import pickle
from unittest.mock import ANY

import pytest

from durable_ingest import MySQL, Retry
from durable_ingest.errors import ContractError, Failure
from durable_ingest.rows import Fault, Refusal
from durable_ingest.value import Frozen
from tests.records import CUSTOMERS, delivered

_FROZEN = [
    CUSTOMERS,
    MySQL("mysql://user:secret@db.example/app"),
    Retry(),
    Failure(0, "X", retryable=True, in_doubt=False, attempted=False, idempotency_key="k"),
]


@pytest.mark.parametrize("made", _FROZEN)
def test_what_knows_better_says_whether_it_is_equal(made: Frozen) -> None:
    """Such as `mock.ANY`, though it stands on the right."""
    assert made == ANY
    assert made != object()


@pytest.mark.parametrize("made", _FROZEN)
def test_nothing_is_taken_away_either(made: Frozen) -> None:
    """Or a drainer would go on without it."""
    name = next(iter(vars(made)))
    with pytest.raises(AttributeError, match="cannot be changed; make another"):
        delattr(made, name)
    assert hasattr(made, name)


def test_what_was_refused_can_be_shown() -> None:
    """Error reports show what functions that failed were called with."""
    with pytest.raises(ContractError) as caught:
        Retry(patience=-1)
    shown = repr(caught.traceback[-1].frame.f_locals["self"])
    assert shown == "Retry(patience=-1, reserve=1.0, attempts=3)"


def test_a_value_is_copied_whatever_it_is_made_with() -> None:
    """A refusal takes its first arguments by place."""
    refusal = Refusal(Fault.REJECTED, "too long", 1406, detail="more")
    assert copy.copy(refusal) == copy.deepcopy(refusal) == refusal
    assert pickle.loads(pickle.dumps(refusal)) == refusal  # noqa: S301 - its own
    message = delivered(1)
    assert copy.deepcopy(message).attributes is not message.attributes
