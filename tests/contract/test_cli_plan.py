"""`durable-ingest plan`, as it is called."""

import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner, Result

from durable_ingest.cli.commands import cli
from durable_ingest.cli.durations import Duration

UPGRADE = ["--rate", "2000", "--outage", "4h", "--groups", "100000", "--concurrency", "50",
           "--high-throughput"]  # fmt: skip


def told(*words: str, color: bool = False) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["plan", *words], color=color)


def test_it_fits() -> None:
    """Status 0, and all that was asked for."""
    result = told(*UPGRADE)
    assert result.exit_code == 0
    assert result.output.startswith("fits: an outage of 4 h at 2,000 writes/s to 100,000 groups\n")
    for word in ("28,800,000", "messages in the queue", "age of the oldest", "maxReceiveCount",
                 "a month, at list prices"):  # fmt: skip
        assert word in result.output
    assert "simulation" not in result.output


def test_it_does_not_fit() -> None:
    """Status 1, and why."""
    result = told("--rate", "2000", "--outage", "4h", "--groups", "100000")
    assert result.exit_code == 1
    assert result.output.startswith("does not fit: ")
    assert "\n  capacity: 2,000 writes/s come and 1,000 can be drained" in result.output
    assert "\n  sending: " in result.output
    assert "never" in result.output


def test_a_simulation_stands_beside_the_formulas() -> None:
    """The seed is named, and repeats it."""
    first, second = (told(*UPGRADE, "--simulate", "--seed", "7").output for _ in range(2))
    assert first == second
    assert "simulation, seed 7" in first


def test_json_has_everything() -> None:
    """With the simulation where it was run; times are in seconds."""
    facts = json.loads(told(*UPGRADE, "--json", "--simulate").output)
    assert facts["fits"] is True
    assert facts["forecast"]["depth"] == 28_800_000
    assert facts["simulated"]["seconds"] == pytest.approx(facts["forecast"]["seconds"], rel=0.1)
    assert facts["settings"]["max_receive_count"] == 1000
    assert facts["problems"] == []
    assert facts["monthly_cost"]["total"] > 0
    assert facts["scenario"]["outage"] == 14_400
    assert facts["scenario"]["retry"] == {"patience": 5.0, "reserve": 1.0, "attempts": 3}


def test_json_of_what_never_ends() -> None:
    """Strict JSON knows no infinity."""
    result = told("--rate", "2000", "--outage", "4h", "--groups", "1", "--json")
    assert result.exit_code == 1

    def refuse(text: str) -> None:
        raise AssertionError(text)

    facts = json.loads(result.output, parse_constant=refuse)
    assert facts["simulated"] is None
    assert facts["forecast"]["seconds"] is facts["forecast"]["peak_age"] is None


def test_what_expires_is_not_simulated() -> None:
    """It says so by leaving the column out."""
    result = told("--rate", "5", "--outage", "15d", "--groups", "100", "--simulate")
    assert result.exit_code == 1
    assert "retention: " in result.output
    assert "simulation" not in result.output


def test_prices_can_be_told() -> None:
    """A region's own."""
    prices = ["--sqs-price", "1", "--invocation-price", "0.4", "--gb-second-price", "0.0000333334"]
    usual, dear = (
        json.loads(told(*UPGRADE, "--json", *words).output)["monthly_cost"]["total"]
        for words in ([], prices)
    )
    assert dear == pytest.approx(2 * usual, rel=1e-4)


def test_colour_is_for_terminals() -> None:
    """A pipe gets none."""
    assert "\x1b[" in told(*UPGRADE, color=True).output
    assert "\x1b[" not in told(*UPGRADE).output
    program = "from durable_ingest.cli import main; main()"
    ran = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", program, "plan", *UPGRADE],
        check=True,
        capture_output=True,
        env={"PYTHONIOENCODING": "ascii", "FORCE_COLOR": ""},
    )
    assert ran.stdout.startswith(b"fits: ")
    assert b"\x1b[" not in ran.stdout


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--rate", "1", "--groups", "1"], "--outage"),
        (["--rate", "0", "--outage", "1h", "--groups", "1"], "--rate"),
        (["--rate", "inf", "--outage", "1h", "--groups", "1"], "rate"),
        (["--rate", "1", "--outage", "4x", "--groups", "1"], "--outage"),
        (["--rate", "1", "--outage", "1h", "--groups", "1", "--batch-size", "11"], "--batch-size"),
    ],
)
def test_wrong_options_are_named(words: list[str], named: str) -> None:
    """Status 2, without a traceback."""
    result = told(*words)
    assert result.exit_code == 2
    assert named in result.output


def test_it_has_help_with_an_example() -> None:
    """As every command."""
    result = told("--help")
    assert result.exit_code == 0
    assert "Example" in result.output
    assert "--catch-up-in" in result.output


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("0.1s", 0.1), ("15m", 900), ("15min", 900), ("4h", 14_400),
     ("1d12h", 129_600), ("1h 30m", 5_400)],
)  # fmt: skip
def test_durations(text: str, seconds: float) -> None:
    """With units, or in seconds."""
    assert Duration().convert(text, None, None) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "0", "4x", "h", "-1h", "4h5", "1h nonsense"])
def test_wrong_durations(text: str) -> None:
    """Are refused; a number without a unit at the end of others is taken for seconds."""
    if text == "4h5":
        assert Duration().convert(text, None, None) == 14_405
        return
    with pytest.raises(click.BadParameter, match="no time above 0"):
        Duration().convert(text, None, None)
