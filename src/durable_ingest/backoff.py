"""How long to wait between attempts, and when to make no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from durable_ingest.errors import ContractError
from durable_ingest.value import Frozen, arguments_are_read_only

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState

    from durable_ingest.clock import Clock
    from durable_ingest.deadline import Deadline

GIVE_UP_AFTER: Final = 6 * 3600
"""Seconds that a dependent message is held before it counts as rejected."""
FAIL_FAST: Final = 3.0
"""Seconds after an outage was seen in which the next call does not wait for its end."""
SETTLED_FOR: Final = 3600
"""Seconds without an outage before one is given up: every group has had its turn by then."""


@arguments_are_read_only
class Retry(Frozen):
    """How patient a drainer is.

    Args:
        patience: seconds that one call waits out an outage before it holds its messages.
        reserve: seconds of the function's time that are left for Lambda to take the answer.
        attempts: how often a contended transaction is tried.

    Raises:
        ContractError: an argument is wrong.
    """

    patience: float
    reserve: float
    attempts: int

    def __init__(self, patience: float = 5.0, reserve: float = 1.0, attempts: int = 3) -> None:
        super().__init__(patience=patience, reserve=reserve, attempts=attempts)
        for name, seconds in (("patience", patience), ("reserve", reserve)):
            if seconds < 0:
                raise ContractError(name, "must be 0 or more seconds")
        if attempts < 1:
            raise ContractError("attempts", "must be 1 or more")


def may_be_given_up(age: float, since_outage: float | None) -> bool:
    """Say whether a dependent message has waited long enough to be rejected.

    `age` is seconds since its first receive, `since_outage` seconds since this drainer last found
    the database away (None: never). After a long outage every message is old, and the one that
    would cure it may be just behind.
    """
    return age >= GIVE_UP_AFTER and (since_outage is None or since_outage >= SETTLED_FOR)


def retrying(  # noqa: PLR0913 - each by name
    clock: Clock,
    deadline: Deadline,
    *,
    on: type[Exception],
    attempts: int | None = None,
    attempt_takes: float = 0.0,
    first_wait: float = 0.05,
    longest_wait: float = 1.0,
) -> Callable[..., Any]:
    """Make what calls a function, and again on an exception, with growing and jittered waits.

    Stops after `attempts`, or where the wait and a further attempt, which takes up to
    `attempt_takes` seconds, would end after the deadline; the last exception is raised then.
    """

    def stop(state: RetryCallState) -> bool:
        if attempts is not None and state.attempt_number >= attempts:
            return True
        return not deadline.allows(state.upcoming_sleep + attempt_takes)

    def call(function: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401
        try:
            return function(*arguments)
        except on as error:
            failed = [error]
        try:
            from tenacity import (  # noqa: PLC0415 - few calls fail, and cold starts are kept short
                Retrying,
                retry_if_exception_type,
                wait_exponential,
            )
        except OSError:  # what failed may be that no file can be opened
            raise failed.pop() from None

        grows = wait_exponential(multiplier=first_wait, max=longest_wait)

        def wait(state: RetryCallState) -> float:
            return grows(state) * (0.5 + clock.jitter() / 2)

        def attempt() -> Any:  # noqa: ANN401 - what the function returns
            if failed:  # the first attempt, which tenacity is told of in its turn
                raise failed.pop()
            return function(*arguments)

        retry = retry_if_exception_type(on)
        return Retrying(sleep=clock.sleep, retry=retry, wait=wait, stop=stop, reraise=True)(attempt)

    return call
