"""What every command of `durable-ingest` has."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from durable_ingest.cli.commands import cli


def commands(group: click.Group, *words: str) -> Iterator[tuple[str, ...]]:
    """List the commands below a group, each by its words."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *words, name)
        else:
            yield (*words, name)


COMMANDS = list(commands(cli))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(words: tuple[str, ...]) -> None:
    """It says how to call it, and that it can answer in JSON."""
    result = CliRunner().invoke(cli, [*words, "--help"])
    assert result.exit_code == 0
    text = " ".join(result.output.split())
    assert f"Usage: cli {' '.join(words)} " in text
    assert "Example" in text
    assert f"durable-ingest {' '.join(words)}" in text
    assert "--json" in text


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_wrong_option_is_a_mistake_of_use(words: tuple[str, ...]) -> None:
    """Exit code 2, and the option is named; no colour in a pipe."""
    result = CliRunner().invoke(cli, [*words, "--wrong"])
    assert result.exit_code == 2
    assert "--wrong" in result.output
    assert "\x1b" not in result.output
