"""The pictures that a run's JSON becomes."""

from pathlib import Path
from typing import Any

from benchmarks import growing, memory, warm_batches
from benchmarks.charts import draw, links
from benchmarks.samples import Samples
from benchmarks.writers import BARE, WRITERS

PNG = b"\x89PNG\r\n\x1a\n"
TAKEN = Samples([0.001, 0.002], [0.001, 0.001]).as_json()
BATCHES: dict[str, Any] = {
    "requests": dict.fromkeys(WRITERS, 1),
    **{
        f"{delay:g} ms": dict.fromkeys([warm_batches.PING, *WRITERS], TAKEN)
        for delay in warm_batches.DELAYS
    },
}
GROWTH: dict[str, Any] = {
    size: dict.fromkeys([growing.OURS, BARE], TAKEN) for size in ("1000", "10000")
}
MEMORY: dict[str, Any] = {"samples": [[500, 60_000_000], [10_000, 61_000_000]]}


def test_a_run_becomes_its_pictures(tmp_path: Path) -> None:
    """One of batches, one of growth."""
    sections = {
        warm_batches.TITLE: BATCHES,
        growing.TITLE: GROWTH,
        memory.TITLE: MEMORY,
    }
    draw(sections, tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "performance-batches.png",
        "performance-growth.png",
    ]
    assert all(file.read_bytes().startswith(PNG) for file in tmp_path.iterdir())


def test_a_part_of_a_run_has_the_pictures_of_that_part(tmp_path: Path) -> None:
    """Linked from the section that they belong to, and no others."""
    draw({warm_batches.TITLE: BATCHES, "Enqueueing": {}}, tmp_path)
    [file] = tmp_path.iterdir()
    linked = links([warm_batches.TITLE, "Enqueueing", growing.TITLE])
    assert list(linked) == [warm_batches.TITLE]
    assert linked[warm_batches.TITLE].endswith(f"({file.name})")
