"""The drill by phase: what was asked, how it was answered, what was behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from rich.table import Table

from drill.recorder import Phase, Recorder


@dataclass(frozen=True)
class PhaseRow:
    """One phase, or all of them."""

    name: str
    seconds: float
    requests: int
    acknowledged: int
    refused: int
    stored_at_end: int
    """Acknowledged writes in the table when the phase ended, counted since the drill began."""
    depth_at_end: int
    """Messages in the queue when the phase ended."""
    p50_ms: float | None
    """Median time to an answer; None without requests."""
    p99_ms: float | None


def by_phase(recorder: Recorder) -> list[PhaseRow]:
    """Give a row for each phase that began, and one for the whole."""
    spans = recorder.spans()
    rows = [_row(recorder, phase, [phase], *span) for phase, span in spans.items()]
    whole = (min(spans.values())[0], recorder.ended)
    return [*rows, _row(recorder, "whole drill", [*spans], *whole)]


def _row(
    recorder: Recorder, name: str, phases: Sequence[Phase], begin: float, end: float
) -> PhaseRow:
    requests = [request for request in recorder.requests if request.phase in phases]
    # The whole's last sample is the one that was taken when everything had ended.
    samples = [sample for sample in recorder.samples if sample.phase in phases]
    times = [request.answer_ms for request in requests]
    acknowledged = sum(request.acknowledged for request in requests)
    return PhaseRow(
        name=str(name),
        seconds=round(end - begin, 3),
        requests=len(requests),
        acknowledged=acknowledged,
        refused=len(requests) - acknowledged,
        stored_at_end=samples[-1].stored if samples else 0,
        depth_at_end=samples[-1].depth if samples else 0,
        p50_ms=percentile(times, 50),
        p99_ms=percentile(times, 99),
    )


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Give the smallest value that at least `percent` of all values do not exceed."""
    if not values:
        return None
    return sorted(values)[max(1, ceil(len(values) * percent / 100)) - 1]


def render(rows: Sequence[PhaseRow]) -> Table:
    """Draw the rows for a terminal."""
    table = Table()
    table.add_column("phase", no_wrap=True)
    for heading in (
        "seconds", "requests", "202", "refused", "stored\nat end", "queued\nat end",
        "p50\nms", "p99\nms",
    ):  # fmt: skip
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        if row is rows[-1]:
            table.add_section()
        table.add_row(
            row.name,
            f"{row.seconds:.1f}",
            *(f"{count:,}" for count in (row.requests, row.acknowledged, row.refused)),
            f"{row.stored_at_end:,}",
            f"{row.depth_at_end:,}",
            *("-" if ms is None else f"{ms:.1f}" for ms in (row.p50_ms, row.p99_ms)),
        )
    return table
