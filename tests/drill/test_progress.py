"""What the drill shows while it runs."""

import io

import pytest
from rich.console import Console

from drill.progress import progress
from drill.recorder import DatabaseState, Phase, Sample

UP, DOWN = DatabaseState.UP, DatabaseState.DOWN


def shown(*samples: Sample, terminal: bool) -> str:
    """Show samples; return the output."""
    output = io.StringIO()
    console = Console(file=output, force_terminal=terminal, width=140)
    with progress(console) as show:
        for sample in samples:
            show(sample)
    return output.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_a_sample_is_shown_whole(*, terminal: bool) -> None:
    """Phase, requests, acknowledged, stored, queue depth, database."""
    text = shown(Sample(3.0, Phase.DOWN, 1234, 1230, 567, 663, DOWN), terminal=terminal)
    for part in ("upgrade: down", "1,234", "1,230", "567", "663", "database", "down"):
        assert part in text


def test_elsewhere_than_on_a_terminal_a_line_comes_every_two_seconds() -> None:
    """Not with every sample."""
    samples = [Sample(at / 2, Phase.NORMAL, at, at, at, 0, UP) for at in range(13)]
    lines = shown(*samples, terminal=False).splitlines()
    assert [line.split()[0] for line in lines] == ["0.0", "2.0", "4.0", "6.0"]


def test_a_change_of_phase_or_database_gets_its_line_at_once() -> None:
    """Else a short phase would not be seen."""
    samples = [
        Sample(0.0, Phase.NORMAL, 0, 0, 0, 0, UP),
        Sample(0.2, Phase.DOWN, 0, 0, 0, 0, UP),
        Sample(0.4, Phase.DOWN, 0, 0, 0, 0, DOWN),
        Sample(0.6, Phase.DOWN, 0, 0, 0, 0, DOWN),
    ]
    assert len(shown(*samples, terminal=False).splitlines()) == 3
