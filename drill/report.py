"""What is left of a drill: a summary, its history, a picture."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from drill.chart import draw
from drill.checker import Verdict
from drill.options import Options
from drill.recorder import Recorder
from drill.stage import Deliveries
from drill.table import PhaseRow


def summarise(  # noqa: PLR0913, PLR0917  one per part of the summary
    options: Options,
    server: str,
    recorder: Recorder,
    rows: list[PhaseRow],
    deliveries: Deliveries,
    verdict: Verdict,
) -> dict[str, Any]:
    """Give everything worth knowing, as JSON. Times are in seconds where no unit is named."""
    behind = [request.at - request.due for request in recorder.requests]
    return {
        "passed": verdict.passed,
        "server": server,
        "options": asdict(options) | {"report": str(options.report)},
        "verdict": verdict.as_json(),
        "phases": [asdict(row) for row in rows],
        "deliveries": asdict(deliveries),
        "most_behind_schedule": round(max(behind, default=0.0), 3),
    }


def write(
    folder: Path, summary: dict[str, Any], recorder: Recorder, log: str, options: Options
) -> None:
    """Write summary.json, history.jsonl, timeline.png and drill.log."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    lines = "".join(json.dumps(entry) + "\n" for entry in recorder.history())
    (folder / "history.jsonl").write_text(lines, encoding="utf-8")
    (folder / "drill.log").write_text(log, encoding="utf-8")
    draw(recorder, _title(summary, options), folder / "timeline.png")


def _title(summary: dict[str, Any], options: Options) -> str:
    verdict = summary["verdict"]
    return (
        f"Upgrade of {summary['server']} at {options.rate:g} requests/s:"
        f" {verdict['acknowledged']:,} of {verdict['requests']:,} acknowledged,"
        f" {len(verdict['lost'])} lost, {len(verdict['older'])} older,"
        f" {len(verdict['dead_lettered'])} dead-lettered"
    )
