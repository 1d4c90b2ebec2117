"""The comparison as a picture: what became of the requests, how long answers took, what ran."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from drill.chart import AMBER, BLUE, GREEN, INK, RED
from drill.outcome import Outcome

GREY = "#b5b5b5"


def draw(outcomes: Sequence[Outcome], file: Path) -> None:
    """Write it as a PNG."""
    figure = Figure(figsize=(11, 4.6), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    requests, times, seconds = figure.subplots(1, 3, sharey=True, width_ratios=(2.2, 1.3, 1))
    _draw_requests(requests, outcomes)
    _draw_times(times, outcomes)
    _draw_seconds(seconds, outcomes)
    for axes in (requests, times, seconds):
        axes.grid(visible=True, axis="x", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    requests.set_yticks(range(len(outcomes)), [outcome.name for outcome in outcomes])
    requests.invert_yaxis()
    figure.savefig(file, metadata={"Software": None})


def _draw_requests(axes: Axes, outcomes: Sequence[Outcome]) -> None:
    parts = {
        "acknowledged and stored": (
            GREEN, [each.acknowledged - each.acknowledged_and_lost for each in outcomes],
        ),
        "acknowledged and lost": (RED, [each.acknowledged_and_lost for each in outcomes]),
        "no answer in time": (AMBER, [each.no_answer_in_time for each in outcomes]),
        "refused": (GREY, [each.refused for each in outcomes]),
    }  # fmt: skip
    begins = [0] * len(outcomes)
    for label, (colour, counts) in parts.items():
        axes.barh(range(len(outcomes)), counts, left=begins, color=colour, label=label, height=0.6)
        begins = [begin + count for begin, count in zip(begins, counts, strict=True)]
    for place, outcome in enumerate(outcomes):
        if outcome.acknowledged_and_lost:
            text = f"{outcome.acknowledged_and_lost} acknowledged and lost"
            axes.text(outcome.requests, place - 0.34, text, color=RED, ha="right", fontsize=9)
    axes.set_title("requests", fontsize=11, color=INK)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=2, frameon=False)


def _draw_times(axes: Axes, outcomes: Sequence[Outcome]) -> None:
    for place, outcome in enumerate(outcomes):
        if outcome.p50_ms is not None and outcome.p99_ms is not None:
            axes.plot([outcome.p50_ms, outcome.p99_ms], [place] * 2, color=BLUE, linewidth=2)
            axes.plot(outcome.p50_ms, place, color=BLUE, marker="o")
            axes.plot(outcome.p99_ms, place, color=BLUE, marker="|", markersize=12)
    axes.set_xscale("log")
    axes.set_title("answer during the upgrade,\np50 (dot) to p99, ms", fontsize=11, color=INK)


def _draw_seconds(axes: Axes, outcomes: Sequence[Outcome]) -> None:
    values = [outcome.function_seconds for outcome in outcomes]
    bars = axes.barh(range(len(outcomes)), values, color=BLUE, height=0.6)
    axes.bar_label(bars, [f"{value:,.0f}" for value in values], padding=3)
    axes.margins(x=0.2)
    axes.set_title("function-seconds", fontsize=11, color=INK)
