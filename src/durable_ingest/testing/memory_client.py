"""The face of a boto3 SQS client, and the checks that boto3 makes before it sends a request."""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

Answer = dict[str, Any]
Call = Callable[[str, Mapping[str, Any]], Answer]

_MESSAGE = "?MessageGroupId ?MessageDeduplicationId ?MessageAttributes ?DelaySeconds MessageBody"
_SIGNATURES = {
    "create_queue": "QueueName ?Attributes ?tags",
    "delete_queue": "QueueUrl",
    "get_queue_url": "QueueName ?QueueOwnerAWSAccountId",
    "list_queues": "?QueueNamePrefix",
    "get_queue_attributes": "QueueUrl ?AttributeNames",
    "set_queue_attributes": "QueueUrl Attributes",
    "purge_queue": "QueueUrl",
    "send_message": f"QueueUrl {_MESSAGE}",
    "send_message_batch": "QueueUrl Entries",
    "receive_message": "QueueUrl ?AttributeNames ?MessageSystemAttributeNames"
    " ?MessageAttributeNames ?MaxNumberOfMessages ?VisibilityTimeout ?WaitTimeSeconds"
    " ?ReceiveRequestAttemptId",
    "delete_message": "QueueUrl ReceiptHandle",
    "delete_message_batch": "QueueUrl Entries",
    "change_message_visibility": "QueueUrl ReceiptHandle VisibilityTimeout",
    "change_message_visibility_batch": "QueueUrl Entries",
    "start_message_move_task": "SourceArn ?DestinationArn ?MaxNumberOfMessagesPerSecond",
    "list_message_move_tasks": "SourceArn ?MaxResults",
}
_ENTRIES = {
    "send_message_batch": f"Id {_MESSAGE}",
    "delete_message_batch": "Id ReceiptHandle",
    "change_message_visibility_batch": "Id ReceiptHandle VisibilityTimeout",
}
_INTEGERS = {
    "DelaySeconds",
    "MaxNumberOfMessages",
    "MaxNumberOfMessagesPerSecond",
    "MaxResults",
    "VisibilityTimeout",
    "WaitTimeSeconds",
}
_MAPS = {"Attributes", "MessageAttributes", "tags"}
_LISTS = {"AttributeNames", "Entries", "MessageAttributeNames", "MessageSystemAttributeNames"}


class _Signature:
    """Which parameters there are, which are required, and of what type they are."""

    def __init__(self, text: str) -> None:
        names = text.split()
        self._required = [name for name in names if not name.startswith("?")]
        self._types = {name.removeprefix("?"): _type_of(name) for name in names}

    def check(self, given: Mapping[str, Any]) -> None:
        """Raise botocore's ParamValidationError unless the parameters fit."""
        for name in self._required:
            if name not in given:
                raise _validation_error(f"Missing required parameter in input: {name!r}")
        for name, value in given.items():
            kind = self._types.get(name)
            if kind is None:
                raise _validation_error(
                    f"Unknown parameter in input: {name!r}, must be one of: "
                    + ", ".join(self._types)
                )
            if not isinstance(value, kind):
                raise _validation_error(
                    f"Invalid type for parameter {name}, type: {type(value).__name__}"
                )


def _type_of(name: str) -> type | tuple[type, ...]:
    name = name.removeprefix("?")
    if name in _INTEGERS:
        return int
    if name in _MAPS:
        return dict
    return (list, tuple) if name in _LISTS else str


def _validation_error(report: str) -> Exception:
    from botocore.exceptions import ParamValidationError  # noqa: PLC0415  loaded at first use

    return ParamValidationError(report=report)


METHOD_OF = {method.title().replace("_", ""): method for method in _SIGNATURES}
"""The client's method for each operation, such as "SendMessageBatch"."""
_CALLS = {method: _Signature(text) for method, text in _SIGNATURES.items()}
_BATCHES = {method: _Signature(text) for method, text in _ENTRIES.items()}


class MemoryQueueClient:
    """The methods of a boto3 SQS client. Made by `MemoryQueueService.client`.

    Parameters and answers are boto3's; errors are botocore's `ClientError`, and
    `ParamValidationError` for parameters that boto3 would not send.
    """

    def __init__(self, call: Call, *, endpoint_url: str, region: str) -> None:
        self._call = call
        self.meta = SimpleNamespace(endpoint_url=endpoint_url, region_name=region)

    def _ask(self, method: str, arguments: dict[str, Any]) -> Answer:
        _CALLS[method].check(arguments)
        if method in _BATCHES:
            for entry in arguments["Entries"]:
                _BATCHES[method].check(entry)
        return self._call(method, arguments)

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def create_queue(self, **arguments: Any) -> Answer:
        """CreateQueue."""
        return self._ask("create_queue", arguments)

    def delete_queue(self, **arguments: Any) -> Answer:
        """DeleteQueue."""
        return self._ask("delete_queue", arguments)

    def get_queue_url(self, **arguments: Any) -> Answer:
        """GetQueueUrl."""
        return self._ask("get_queue_url", arguments)

    def list_queues(self, **arguments: Any) -> Answer:
        """ListQueues, all on one page."""
        return self._ask("list_queues", arguments)

    def get_queue_attributes(self, **arguments: Any) -> Answer:
        """GetQueueAttributes."""
        return self._ask("get_queue_attributes", arguments)

    def set_queue_attributes(self, **arguments: Any) -> Answer:
        """SetQueueAttributes."""
        return self._ask("set_queue_attributes", arguments)

    def purge_queue(self, **arguments: Any) -> Answer:
        """PurgeQueue."""
        return self._ask("purge_queue", arguments)

    def send_message(self, **arguments: Any) -> Answer:
        """SendMessage."""
        return self._ask("send_message", arguments)

    def send_message_batch(self, **arguments: Any) -> Answer:
        """SendMessageBatch."""
        return self._ask("send_message_batch", arguments)

    def receive_message(self, **arguments: Any) -> Answer:
        """ReceiveMessage."""
        return self._ask("receive_message", arguments)

    def delete_message(self, **arguments: Any) -> Answer:
        """DeleteMessage."""
        return self._ask("delete_message", arguments)

    def delete_message_batch(self, **arguments: Any) -> Answer:
        """DeleteMessageBatch."""
        return self._ask("delete_message_batch", arguments)

    def change_message_visibility(self, **arguments: Any) -> Answer:
        """ChangeMessageVisibility."""
        return self._ask("change_message_visibility", arguments)

    def change_message_visibility_batch(self, **arguments: Any) -> Answer:
        """ChangeMessageVisibilityBatch."""
        return self._ask("change_message_visibility_batch", arguments)

    def start_message_move_task(self, **arguments: Any) -> Answer:
        """StartMessageMoveTask."""
        return self._ask("start_message_move_task", arguments)

    def list_message_move_tasks(self, **arguments: Any) -> Answer:
        """ListMessageMoveTasks."""
        return self._ask("list_message_move_tasks", arguments)
