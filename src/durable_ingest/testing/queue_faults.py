"""Faults of SQS on order: calls that fail, answers that get lost, entries that are refused."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

Arguments = Mapping[str, Any]
Effect = Literal["none", "done", "late"]
"""What becomes of a call that fails: nothing; it is carried out all the same, as when only the
answer is lost; or it is kept for `MemoryQueueService.carry_out_late`."""
MakeError = Callable[[str], Exception]
"""Makes the exception, given the operation, such as "SendMessageBatch"."""


@dataclass(eq=False)
class Fault:
    """A fault that was ordered. `hits` counts how often it struck; `end` ends it.

    As a context manager it ends with the block.
    """

    strikes: Callable[[str, Arguments], bool]
    times: int | None
    hits: int = 0

    def end(self) -> None:
        """Strike no more."""
        self.times = self.hits

    def __enter__(self) -> Self:
        """Change nothing: it has been on order since it was made."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.end()

    def takes(self, operation: str, arguments: Arguments) -> bool:
        """Say whether it strikes, and count it."""
        if self.times is not None and self.hits >= self.times:
            return False
        if not self.strikes(operation, arguments):
            return False
        self.hits += 1
        return True


@dataclass(eq=False)
class CallFault(Fault):
    """A call raises."""

    error: MakeError = lambda _: RuntimeError()
    effect: Effect = "none"


@dataclass(eq=False)
class EntryFault(Fault):
    """An entry of a batch comes back in `Failed`."""

    code: str = "InternalError"
    sender_fault: bool = False
    done: bool = False


class QueueFaults:
    """Orders faults. Of several that fit, the one that was ordered first strikes.

    Deterministic: what strikes is what `strikes` says, so a schedule or a seeded generator decides.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[CallFault] = []
        self._entries: list[EntryFault] = []

    def fail_calls(
        self,
        error: MakeError,
        strikes: Callable[[str, Arguments], bool] = lambda _operation, _arguments: True,
        *,
        effect: Effect = "none",
        times: int | None = None,
    ) -> CallFault:
        """Let calls raise.

        Args:
            error: `throttled`, `server_fault`, `lost_answer`, `unreachable`, or one of your own.
            strikes: given the operation, such as "SendMessageBatch", and the call's arguments.
            effect: what becomes of the call.
            times: strike so often, then no more; None for no end.
        """
        fault = CallFault(strikes, times, error=error, effect=effect)
        self._calls.append(fault)
        return fault

    def fail_entries(
        self,
        strikes: Callable[[str, Arguments], bool] = lambda _operation, _entry: True,
        *,
        code: str = "InternalError",
        sender_fault: bool = False,
        done: bool = False,
        times: int | None = None,
    ) -> EntryFault:
        """Let single entries of batches fail.

        Args:
            strikes: given the operation and the entry. It must not call the queue.
            code: `Code` of the failed entry.
            sender_fault: its `SenderFault`.
            done: it is carried out all the same.
            times: strike so often, then no more; None for no end.
        """
        fault = EntryFault(strikes, times, code=code, sender_fault=sender_fault, done=done)
        self._entries.append(fault)
        return fault

    def clear(self) -> None:
        """End all faults."""
        self._calls.clear()
        self._entries.clear()

    def of_call(self, operation: str, arguments: Arguments) -> CallFault | None:
        """Give the fault that strikes a call."""
        if not self._calls:
            return None
        with self._lock:
            return next((f for f in self._calls if f.takes(operation, arguments)), None)

    def of_entry(self, operation: str, entry: Arguments) -> EntryFault | None:
        """Give the fault that strikes an entry."""
        if not self._entries:
            return None
        with self._lock:
            return next((f for f in self._entries if f.takes(operation, entry)), None)


def client_error(code: str, text: str, operation: str, *, status: int = 400) -> "ClientError":
    """Make botocore's ClientError as from SQS, which puts a namespace before some codes.

    Args:
        code: the error's name in the API reference.
        text: the error's text.
        operation: such as "SendMessage".
        status: of HTTP.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415  loaded at first use

    answer: Any = {
        "Error": {
            "Code": _CODES_ON_THE_WIRE.get(code, code),
            "Message": text,
            "QueryErrorCode": code,
            "Type": "Sender" if status < _SERVER_FAULT else "Receiver",
        },
        "ResponseMetadata": {
            "RequestId": "",
            "HTTPStatusCode": status,
            "HTTPHeaders": {},
            "RetryAttempts": 0,
        },
    }
    return ClientError(answer, operation)


def throttled(operation: str) -> Exception:
    """SQS refuses the call for now; nothing was done."""
    return client_error("RequestThrottled", "Request is throttled.", operation)


def server_fault(operation: str) -> Exception:
    """SQS answers 500: whether anything was done is in doubt."""
    return client_error("InternalError", "We encountered an error.", operation, status=500)


def lost_answer(_operation: str) -> Exception:
    """No answer in time: whether anything was done is in doubt."""
    from botocore.exceptions import ReadTimeoutError  # noqa: PLC0415  loaded at first use

    return ReadTimeoutError(endpoint_url=ENDPOINT)


def unreachable(_operation: str) -> Exception:
    """No connection; nothing was done."""
    from botocore.exceptions import EndpointConnectionError  # noqa: PLC0415  loaded at first use

    return EndpointConnectionError(endpoint_url=ENDPOINT)


ENDPOINT = "https://sqs.eu-west-1.memory.invalid"
_SERVER_FAULT = 500
_NAMESPACE = "AWS.SimpleQueueService"
# boto3 reports the codes of SQS' older protocol, which SQS sends along.
_CODES_ON_THE_WIRE = {
    "QueueDoesNotExist": f"{_NAMESPACE}.NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    **{
        code: f"{_NAMESPACE}.{code}"
        for code in (
            "BatchEntryIdsNotDistinct",
            "BatchRequestTooLong",
            "EmptyBatchRequest",
            "InvalidBatchEntryId",
            "MessageNotInflight",
            "PurgeQueueInProgress",
            "QueueDeletedRecently",
            "TooManyEntriesInBatchRequest",
            "UnsupportedOperation",
        )
    },
}
