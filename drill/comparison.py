"""The same requests and the same outage for durable_ingest and for what could be used instead."""

import contextlib
import json
import platform
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console

from drill import comparison_chart, outcome
from drill.alternatives import connection_proxy, direct, durable, local_storage, names, retrying
from drill.alternatives.candidate import Candidate, Setting
from drill.alternatives.limits import Limits
from drill.options import Options
from drill.outcome import Outcome
from drill.progress import progress
from drill.recorder import Recorder
from drill.rehearsal import Rehearsal
from drill.stage import build, server_name
from durable_ingest.testing import provision

if TYPE_CHECKING:
    from durable_ingest.testing import DatabaseServer

CANDIDATES: Final[dict[str, Callable[[Setting], AbstractContextManager[Candidate]]]] = {
    names.DIRECT: direct.candidate,
    names.PROXY: connection_proxy.candidate,
    names.RETRY: retrying.candidate,
    names.STORAGE: local_storage.candidate,
    names.OURS: durable.candidate,
}


def compare(options: Options, console: Console, server: "DatabaseServer | None" = None) -> int:
    """Rehearse one after the other; return 0 if durable_ingest has lost nothing.

    Raises:
        NoDatabaseServerError: this machine has no way to a MySQL or MariaDB.
    """
    if server is None:
        with contextlib.closing(provision(control=True)) as started:
            return compare(options, console, started)
    real = Limits()
    limits = real.scaled(options.scale)
    say = _teller(console)
    say(f"1 s stands for {options.scale:g} s: the outage of {options.outage:g} s for one of"
        f" {options.outage * options.scale / 60:.4g} min")  # fmt: skip
    for line in limits.lines(real):
        say(line)
    folder = options.report or Path(tempfile.mkdtemp(prefix="durable-ingest-comparison-"))
    folder.mkdir(parents=True, exist_ok=True)
    outcomes = []
    for name in [options.only] if options.only else CANDIDATES:
        say(f"{name}:")
        outcomes.append(rehearse(name, options, limits, console, server, folder))
    summary = {
        "server": server_name(server),
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "options": asdict(options) | {"report": str(folder)},
        "limits": {"real": asdict(real), "scaled": asdict(limits)},
        "outcomes": [asdict(each) for each in outcomes],
    }
    write(folder, summary, outcomes)
    console.print(outcome.render(outcomes))
    say(f"report: {folder / 'comparison.png'}")
    if options.json:
        print(json.dumps(summary))
    return int(any(each.acknowledged_and_lost for each in outcomes if each.name == names.OURS))


def rehearse(  # noqa: PLR0913, PLR0917  what a rehearsal is made of
    name: str,
    options: Options,
    limits: Limits,
    console: Console,
    server: "DatabaseServer",
    folder: Path,
) -> Outcome:
    """Rehearse one; its history goes to the folder, as a file of its name."""
    recorder = Recorder()
    with build(server) as stage, tempfile.TemporaryDirectory() as place:
        setting = Setting(stage, limits, Path(place), options.seed, options.drainers)
        with CANDIDATES[name](setting) as candidate, progress(console) as show:
            Rehearsal(options, stage, candidate, recorder, show).run()
        rows = stage.rows()
    history = "".join(json.dumps(entry) + "\n" for entry in recorder.history())
    (folder / f"{name.replace(' ', '-')}.jsonl").write_text(history, encoding="utf-8")
    return Outcome.of(name, recorder, rows, candidate)


def write(folder: Path, summary: dict[str, Any], outcomes: Sequence[Outcome]) -> None:
    """Write comparison.json, comparison.md and comparison.png."""
    (folder / "comparison.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    (folder / "comparison.md").write_text(outcome.markdown(outcomes), encoding="utf-8")
    comparison_chart.draw(outcomes, folder / "comparison.png")


def _teller(console: Console) -> Callable[[str], None]:
    return lambda text: console.print(text, highlight=False, soft_wrap=True, markup=False)
