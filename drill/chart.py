"""The drill as a picture: acknowledged and stored, the queue, and the answers' times."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from drill.recorder import Phase, Recorder

BLUE, GREEN, PURPLE, RED, AMBER, INK = (
    "#1f6fb2", "#2a8f4f", "#7b4fa3", "#c8372d", "#e0a100", "#333333",
)  # fmt: skip


def draw(recorder: Recorder, title: str, file: Path) -> None:
    """Write the timeline as a PNG."""
    figure = Figure(figsize=(11, 8), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    writes, queue, answers = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2, 1.3))
    figure.suptitle(title, fontsize=13, color=INK)
    _draw_writes(writes, recorder)
    _draw_queue(queue, recorder)
    _draw_answers(answers, recorder)
    for axes in (writes, queue, answers):
        _shade(axes, recorder)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
        axes.grid(visible=True, color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xlim(0, recorder.samples[-1].at)
    _name_phases(writes, recorder)
    answers.set_xlabel("seconds since the drill began")
    figure.savefig(file, metadata={"Software": None})


def _draw_writes(axes: Axes, recorder: Recorder) -> None:
    at = [sample.at for sample in recorder.samples]
    acknowledged = [sample.acknowledged for sample in recorder.samples]
    stored = [sample.stored for sample in recorder.samples]
    axes.plot(at, acknowledged, color=BLUE, linewidth=2, label="acknowledged (202)")
    axes.plot(at, stored, color=GREEN, linewidth=2, label="stored in the table")
    axes.fill_between(at, stored, acknowledged, color=BLUE, alpha=0.10, linewidth=0)
    axes.set_ylabel("writes since the drill began")
    axes.set_ylim(0, max(1, *acknowledged) * 1.12)
    axes.legend(loc="lower right", framealpha=0.95)


def _draw_queue(axes: Axes, recorder: Recorder) -> None:
    at = [sample.at for sample in recorder.samples]
    depth = [sample.depth for sample in recorder.samples]
    axes.fill_between(at, depth, color=PURPLE, alpha=0.2, linewidth=0)
    axes.plot(at, depth, color=PURPLE, linewidth=1.6)
    axes.set_ylabel("messages in the queue")
    top = max(1, *depth)
    axes.set_ylim(0, top * 1.2)
    peak = depth.index(max(depth))
    axes.annotate(
        f"{depth[peak]:,}",
        (at[peak], depth[peak]),
        xytext=(0, 4),
        textcoords="offset points",
        ha="center",
        color=PURPLE,
    )


def _draw_answers(axes: Axes, recorder: Recorder) -> None:
    for acknowledged, colour, label in ((True, BLUE, "202"), (False, RED, "refused")):
        chosen = [r for r in recorder.requests if r.acknowledged is acknowledged]
        if chosen:
            axes.plot(
                [request.at for request in chosen],
                [request.answer_ms for request in chosen],
                linestyle="none",
                marker=".",
                markersize=3,
                color=colour,
                label=f"{label} ({len(chosen):,})",
            )
    axes.set_yscale("log")
    axes.set_ylabel("answered in, ms")
    if recorder.requests:
        # Above the points: there are too many to find a free corner.
        axes.legend(
            loc="lower right", bbox_to_anchor=(1, 0.98), ncols=2, frameon=False, markerscale=3
        )


def _shade(axes: Axes, recorder: Recorder) -> None:
    for phase, (begin, end) in recorder.spans().items():
        if phase is Phase.DOWN:
            axes.axvspan(begin, end, color=RED, alpha=0.13, linewidth=0)
        elif phase is Phase.READ_ONLY:
            axes.axvspan(begin, end, color=AMBER, alpha=0.22, linewidth=0)
            axes.axvline(end, color=INK, linewidth=0.8, linestyle=":")


def _name_phases(axes: Axes, recorder: Recorder) -> None:
    names = {
        Phase.NORMAL: ("normal", INK),
        Phase.DOWN: ("database down", RED),
        Phase.READ_ONLY: ("read-only", "#8a6400"),
        Phase.CATCH_UP: ("writable again: catch-up", INK),
    }
    for phase, (begin, end) in recorder.spans().items():
        name, colour = names[phase]
        axes.annotate(
            f"{name}\n{end - begin:.1f} s",
            ((begin + end) / 2, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, -4),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=9,
            color=colour,
        )
