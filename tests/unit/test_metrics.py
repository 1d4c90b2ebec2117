"""Metrics: CloudWatch's embedded metric format, as its specification has it."""

import json
from typing import Any

import pytest

from durable_ingest import metrics
from durable_ingest.errors import ContractError
from durable_ingest.report import BatchReport
from durable_ingest.rows import Fault
from tests.virtual_clock import VirtualClock

REPORT = BatchReport(
    queue="writes.fifo",
    received=10,
    settled=3,
    dead_lettered={"rejected": 1, "expiring": 1},
    held={"unavailable": 1, "behind": 4},
    outage=True,
    retries=2,
    oldest_seconds=12.5,
    database_seconds=0.25,
    seconds=0.5,
    undeleted=1,
    unhidden=2,
)


def written(**settings: Any) -> dict[str, Any]:  # noqa: ANN401 - those of emf
    """Give the line that is written for the report."""
    lines: list[str] = []
    metrics.emf(write=lines.append, clock=VirtualClock(), **settings)(REPORT)
    [line] = lines
    assert line.endswith("}\n")
    assert line.count("\n") == 1
    document: dict[str, Any] = json.loads(line)
    return document


def test_every_metric_has_its_value_at_the_root() -> None:
    """And the numbers are the report's."""
    document = written()
    [directive] = document["_aws"]["CloudWatchMetrics"]
    assert {m["Name"]: m["Unit"] for m in directive["Metrics"]} == metrics.METRICS
    assert {name: document[name] for name in metrics.METRICS} == {
        "Received": 10,
        "Settled": 3,
        "DeadLettered": 2,
        "Held": 5,
        "HeldUnavailable": 1,
        "HeldContended": 0,
        "HeldDependent": 0,
        "HeldMisconfigured": 0,
        "HeldUnknown": 0,
        "HeldRejected": 0,
        "HeldBehind": 4,
        "Outage": 1,
        "Retries": 2,
        "Undeleted": 1,
        "Unhidden": 2,
        "OldestAge": 12.5,
        "DatabaseTime": 0.25,
        "BatchTime": 0.5,
    }


def test_it_is_valid_by_the_specification() -> None:
    """Its schema: what has to be there, of which type, within which limits."""
    document = written(namespace="shop", dimensions={"stage": "prod"})
    assert isinstance(document["_aws"]["Timestamp"], int)
    assert document["_aws"]["Timestamp"] == round(VirtualClock().now() * 1000)
    [directive] = document["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "shop"
    [dimensions] = directive["Dimensions"]
    assert dimensions == ["queue", "stage"]
    assert len(directive["Metrics"]) <= 100
    for name in dimensions:
        assert isinstance(document[name], str)
    assert (document["queue"], document["stage"]) == ("writes.fifo", "prod")
    for metric in directive["Metrics"]:
        assert set(metric) == {"Name", "Unit"}
        assert metric["Unit"] in {"Count", "Seconds"}


def test_each_fault_that_holds_a_message_has_its_metric() -> None:
    """A new one may not be forgotten; what expires is dead-lettered and never held."""
    held = {
        name.removeprefix("Held").lower() for name in metrics.METRICS if name.startswith("Held")
    }
    assert held - {""} == {fault.value for fault in Fault} - {"expiring"}


def test_standard_output_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    """Where Lambda takes it from."""
    metrics.emf(clock=VirtualClock())(REPORT)
    assert json.loads(capsys.readouterr().out)["Received"] == 10


@pytest.mark.parametrize(
    ("argument", "settings"),
    [
        ("namespace", {"namespace": ""}),
        ("namespace", {"namespace": "AWS/SQS"}),
        ("namespace", {"namespace": "é"}),
        ("dimensions", {"dimensions": {"queue": "x"}}),
        ("dimensions", {"dimensions": {"Held": "x"}}),
        ("dimensions", {"dimensions": {"stage": " "}}),
        ("dimensions", {"dimensions": {":stage": "x"}}),
        ("dimensions", {"dimensions": {f"d{n}": "x" for n in range(30)}}),
    ],
)
def test_what_cloudwatch_refuses_is_refused_at_once(
    argument: str, settings: dict[str, Any]
) -> None:
    """The error names the argument."""
    with pytest.raises(ContractError, match=argument):
        metrics.emf(**settings)
