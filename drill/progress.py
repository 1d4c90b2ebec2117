"""How the drill gets on: a live panel on a terminal, elsewhere a line now and then."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table

from drill.recorder import DatabaseState, Sample

LINE_EVERY = 2.0
_COLOURS = {
    DatabaseState.UP: "green",
    DatabaseState.READ_ONLY: "yellow",
    DatabaseState.DOWN: "bold red",
}


@contextlib.contextmanager
def progress(console: Console) -> Iterator[Callable[[Sample], None]]:
    """Give the function that shows a sample; one thread at a time may call it."""
    if not console.is_terminal:
        yield _Lines(console).show
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield lambda sample: live.update(panel(sample), refresh=True)


def panel(sample: Sample) -> RenderableType:
    """Draw one sample."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(justify="right", min_width=8)
    colour = _COLOURS[sample.database]
    grid.add_row("phase", f"[bold]{sample.phase}[/]")
    grid.add_row("database", f"[{colour}]{sample.database}[/]")
    grid.add_row("requests", f"{sample.requests:,}")
    grid.add_row("acknowledged", f"{sample.acknowledged:,}")
    grid.add_row("stored", f"{sample.stored:,}")
    grid.add_row("queue depth", f"{sample.depth:,}")
    return Panel.fit(grid, title=f"upgrade drill, {sample.at:.0f} s")


def line(sample: Sample) -> str:
    """Say one sample in one line."""
    return (
        f"{sample.at:5.1f} s  {sample.phase:<18}  requests {sample.requests:>6,}"
        f"  acknowledged {sample.acknowledged:>6,}  stored {sample.stored:>6,}"
        f"  queue {sample.depth:>6,}  database {sample.database}"
    )


class _Lines:
    """Prints a line every two seconds, and one whenever the phase or the database changes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: Sample | None = None

    def show(self, sample: Sample) -> None:
        last = self._last
        if (
            last is None
            or sample.at - last.at >= LINE_EVERY
            or (sample.phase, sample.database) != (last.phase, last.database)
        ):
            self._last = sample
            self._console.out(line(sample), highlight=False)
