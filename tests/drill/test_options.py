"""The drill's command line."""

import math

import pytest

from drill.options import parse


def test_the_defaults_are_the_drill_of_the_readme() -> None:
    """50 requests a second, 200 customers, 20 s without a writer, 5 of them read-only."""
    options = parse([])
    assert (options.rate, options.customers, options.outage) == (50, 200, 20)
    assert options.read_only == 5


@pytest.mark.parametrize(
    "arguments",
    [
        ["--rate", "0"],
        ["--rate", "nan"],
        ["--outage", "-1"],
        ["--outage", "inf"],
        ["--customers", "0"],
        ["--outage", "4", "--read-only", "5"],
        ["--only", "a prayer"],
    ],
)
def test_wrong_arguments_end_the_program(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """With status 2 and a text that names the argument."""
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2
    assert arguments[-2] in capsys.readouterr().err


def test_a_short_outage_has_a_short_read_only_part() -> None:
    """A quarter of it."""
    assert parse(["--outage", "8"]).read_only == 2


def test_a_comparison_has_a_client_for_each_customer_and_an_end() -> None:
    """So that nobody waits for another's answer, and all are sent the same."""
    options = parse(["--compare", "--customers", "70", "--outage", "8"])
    assert (options.clients, options.last_due, options.scale) == (70, 10 + 8 + 5, 60)
    assert parse([]).clients == 5
    assert parse([]).last_due == math.inf
