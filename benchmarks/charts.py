"""A run's figures as pictures, drawn from its JSON."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks import growing, memory, warm_batches
from benchmarks.writers import BARE
from benchmarks.writes import TEN
from drill.chart import AMBER, BLUE, INK, PURPLE

Data = Mapping[str, Any]
GREY: Final = "#8a8a8a"


def draw_batches(axes: list[Axes], sections: Data) -> None:
    """Draw how long a batch takes, by candidate, for each delay."""
    by_delay = {
        delay: found for delay, found in sections[warm_batches.TITLE].items() if "ms" in delay
    }
    for each, (delay, found) in zip(axes, by_delay.items(), strict=True):
        names = [name for name in found if name != warm_batches.PING]
        quartiles = [[us / 1e3 for us in found[name]["elapsed_us"]] for name in names]
        medians = [middle for _, middle, _ in quartiles]
        spread = [[m - low for low, m, _ in quartiles], [high - m for _, m, high in quartiles]]
        colours = [_colour(name) for name in names]
        bars = each.barh(names, medians, xerr=spread, color=colours, height=0.65, ecolor=INK)
        each.bar_label(bars, [f"{median:.3g}" for median in medians], padding=4, fontsize=9)
        each.margins(x=0.18)
        each.set_title(f"{delay} added to a request", fontsize=11, color=INK)
        each.set_xlabel("ms a batch of ten")
    axes[0].invert_yaxis()


def _colour(candidate: str) -> str:
    if candidate == BARE:
        return GREY
    return AMBER if candidate.startswith("Powertools") else BLUE


def draw_growth(axes: list[Axes], sections: Data) -> None:
    """Draw a message's cost by the rows that are there, and memory by the messages polled."""
    costs, polled = axes
    found = sections[growing.TITLE]
    sizes = [int(size) for size in found]
    for name, colour in ((growing.OURS, BLUE), (BARE, GREY)):
        for what, style in (("elapsed_us", "-"), ("cpu_us", "--")):
            spent = [each[name][what][1] / TEN for each in found.values()]
            label = f"{name}, {'time' if what == 'elapsed_us' else 'CPU'}"
            costs.plot(sizes, spent, style, color=colour, marker="o", label=label)
    costs.set_xscale("log")
    costs.set_title("handle", fontsize=11, color=INK)
    costs.set_xlabel("messages so far, all of them new rows")
    costs.set_ylabel("µs a message")
    costs.legend(loc="best", framealpha=0.95)
    samples = sections[memory.TITLE]["samples"]
    counts, sizes_then = zip(*samples, strict=True)
    polled.plot(counts, [size / memory.MEBI for size in sizes_then], color=PURPLE)
    polled.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    polled.set_title("poll", fontsize=11, color=INK)
    polled.set_xlabel("messages polled")
    polled.set_ylabel("resident memory, MiB")
    for each in axes:
        each.set_ylim(0, each.dataLim.ymax * 1.25)


@dataclass(frozen=True)
class Chart:
    """One picture."""

    file: str
    text: str
    """What it shows, for who cannot see it."""
    sections: tuple[str, ...]
    """The titles of the sections that it is drawn from; it stands in the first."""
    panels: tuple[float, ...]
    """Relative widths."""
    draw: Callable[[list[Axes], Data], None]
    shares_names: bool = False


CHARTS: Final = (
    Chart(
        "performance-batches.png",
        "A batch's time by candidate, one panel for each delay: the longer a request takes, the"
        " more the number of requests decides",
        (warm_batches.TITLE,),
        (1.0,) * len(warm_batches.DELAYS),
        draw_batches,
        shares_names=True,
    ),
    Chart(
        "performance-growth.png",
        "The cost of a message while its table grows, beside the bare statement's, and the"
        " memory of poll",
        (growing.TITLE, memory.TITLE),
        (1.0, 1.0),
        draw_growth,
    ),
)


def drawn_from(titles: Collection[str]) -> list[Chart]:
    """Give the charts for which a run has the sections."""
    return [chart for chart in CHARTS if set(chart.sections) <= set(titles)]


def links(titles: Collection[str]) -> dict[str, str]:
    """Give the Markdown of each picture by the title of the section in which it stands."""
    return {chart.sections[0]: f"![{chart.text}]({chart.file})" for chart in drawn_from(titles)}


def draw(sections: Data, folder: Path) -> None:
    """Write the pictures for which there are sections.

    Args:
        sections: the `sections` of a run's JSON.
        folder: where the page lies that shows them.
    """
    for chart in drawn_from(list(sections)):
        figure = Figure(figsize=(11, 4), dpi=120, layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(
            1,
            len(chart.panels),
            width_ratios=chart.panels,
            sharey=chart.shares_names,
            squeeze=False,
        )
        chart.draw(list(panels[0]), sections)
        for axes in panels[0]:
            axes.grid(visible=True, axis="both", color="#dddddd", linewidth=0.6)
            axes.set_axisbelow(True)
            axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(folder / chart.file, metadata={"Software": None})
