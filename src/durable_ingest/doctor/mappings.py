"""Whether Lambda calls the drainer as it has to be called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from durable_ingest.doctor.findings import Finding, error, note, warning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from durable_ingest.doctor.deployment import FunctionFacts, MappingFacts, QueueFacts

GOOD_BATCH: Final = 10
"""The most that a mapping of a FIFO queue takes."""
_REPORTS: Final = "--function-response-types ReportBatchItemFailures"
_LIMIT: Final = "--scaling-config MaximumConcurrency=10"


def check_mappings(
    mappings: Sequence[MappingFacts],
    *,
    queue: QueueFacts | None,
    function: FunctionFacts | None,
    reports: bool,
) -> list[Finding]:
    """Check the event source mappings of the queue.

    Args:
        mappings: all of them.
        queue: the queue, where it is known.
        function: the drainer's, where it is known.
        reports: whether the drainer acknowledges by "report".
    """
    if not mappings:
        name = "DRAINER" if function is None else function.name
        arn = "QUEUE_ARN" if queue is None else queue.arn
        return [
            error(
                "mapping.missing",
                "the queue has no event source mapping",
                "no function drains it (a container may: then --ignore mapping --ignore function)",
                f"aws lambda create-event-source-mapping --function-name {name}"
                f" --event-source-arn {arn} --batch-size {GOOD_BATCH} {_REPORTS} {_LIMIT}",
            )
        ]
    found = [each for mapping in mappings for each in _check_mapping(mapping, reports=reports)]
    if len(mappings) > 1:
        listed = ", ".join(mapping.function for mapping in mappings)
        found.append(
            error(
                "mapping.several",
                f"{len(mappings)} mappings take from the queue: {listed}",
                "each message goes to one of them, and one that is no drainer deletes it",
                "aws lambda delete-event-source-mapping --uuid UUID for all but the drainer's",
            )
        )
    elif function is not None and not _calls(mappings[0], function):
        update = f"aws lambda update-event-source-mapping --uuid {mappings[0].uuid}"
        found.append(
            error(
                "mapping.function",
                f"it calls {mappings[0].function}, not {function.name}",
                "whatever that function answers decides over every message",
                f"{update} --function-name {function.name}",
            )
        )
    return found


def _calls(mapping: MappingFacts, function: FunctionFacts) -> bool:
    """Compare without version or alias, which stand behind the name in an ARN."""
    return mapping.function.split(":")[:7] == function.arn.split(":")[:7]


def _check_mapping(mapping: MappingFacts, *, reports: bool) -> list[Finding]:
    update = f"aws lambda update-event-source-mapping --uuid {mapping.uuid}"
    found = []
    if not mapping.reports_failures and reports:
        found.append(
            error(
                "mapping.response_types",
                'ReportBatchItemFailures is missing, and the drainer acknowledges by "report"',
                "Lambda deletes every held message: silent loss",
                f"{update} {_REPORTS}",
            )
        )
    elif not mapping.reports_failures:
        found.append(
            note(
                "mapping.response_types",
                "ReportBatchItemFailures is missing",
                'nothing with acknowledge="delete"; a switch to "report" would lose messages',
                f"{update} {_REPORTS}",
            )
        )
    if mapping.filters:
        found.append(
            error(
                "mapping.filters",
                f"it has filter criteria ({mapping.filters})",
                "Lambda deletes every message that matches none of them",
                f"{update} --filter-criteria '{{}}'",
            )
        )
    if not mapping.enabled:
        found.append(
            warning(
                "mapping.disabled",
                "it is disabled",
                "messages wait, until their retention ends",
                f"{update} --enabled",
            )
        )
    if mapping.batch_size < GOOD_BATCH:
        found.append(
            note(
                "mapping.batch_size",
                f"a batch has {mapping.batch_size} messages at most",
                "each batch costs the same round trips, so the catch-up takes longer",
                f"{update} --batch-size {GOOD_BATCH}",
            )
        )
    if mapping.concurrency is None:
        found.append(
            warning(
                "mapping.concurrency",
                "its concurrency has no limit",
                "after an outage as many functions as there are groups connect to the database",
                f"{update} {_LIMIT}",
            )
        )
    return found
