"""Every public name, command and option is documented."""

import inspect
import re
import runpy
from collections.abc import Iterator
from types import ModuleType

import click
import pytest

import durable_ingest
from durable_ingest import apigateway, errors, testing
from durable_ingest.cli.commands import cli
from durable_ingest.testing import plugin
from tests.docs.blocks import ROOT

DOCS = ROOT / "docs"
REFERENCE = "".join(page.read_text() for page in sorted(DOCS.glob("reference*.md")))
COMMAND_LINE = runpy.run_path(str(ROOT / "scripts" / "command-line"))


def shown() -> set[str]:
    """Name what the reference shows: `::: durable_ingest.Table`."""
    return set(re.findall(r"^::: ([\w.]+)$", REFERENCE, re.MULTILINE))


def defined(module: ModuleType) -> dict[str, object]:
    """Give the public classes and functions that a module itself defines."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    }


@pytest.mark.parametrize("name", sorted({*durable_ingest.__all__} - {"__version__"}))
def test_the_facade(name: str) -> None:
    """Each of its names has a docstring, in the reference."""
    assert inspect.getdoc(getattr(durable_ingest, name))
    assert f"durable_ingest.{name}" in shown()


def test_the_version() -> None:
    """Is text, so the reference has it in its prose."""
    assert "`durable_ingest.__version__`" in REFERENCE


@pytest.mark.parametrize("name", testing.__all__)
def test_testing(name: str) -> None:
    """Each name of `durable_ingest.testing` is in the reference."""
    assert f"durable_ingest.testing.{name}" in shown()


FIXTURES = [
    name for name, value in vars(plugin).items() if isinstance(value, type(plugin.ingest_mysql))
]


@pytest.mark.parametrize("name", FIXTURES)
def test_fixtures(name: str) -> None:
    """Each fixture of the pytest plugin has its line in the reference."""
    assert f"\n| `{name}` | " in REFERENCE


def test_the_fixtures_are_found() -> None:
    """A test of none proves nothing."""
    assert "ingest_queue" in FIXTURES


def test_apigateway() -> None:
    """Each function is in the reference."""
    for name, value in defined(apigateway).items():
        assert inspect.getdoc(value)
        assert f"durable_ingest.apigateway.{name}" in shown()


def test_errors() -> None:
    """The reference shows the module as a whole, so each error needs a docstring of its own."""
    assert "durable_ingest.errors" in shown()
    assert [name for name, value in defined(errors).items() if not vars(value)["__doc__"]] == []


@pytest.mark.parametrize("name", sorted({*durable_ingest.__all__} - {"__version__"}))
def test_methods(name: str) -> None:
    """A public method without a docstring would be left out without a word."""
    methods = vars(getattr(durable_ingest, name)).items()
    assert [n for n, m in methods if not n.startswith("_") and callable(m) and not m.__doc__] == []


def commands(command: click.Command) -> Iterator[click.Command]:
    """Walk through a command and those in it."""
    yield command
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            yield from commands(inner)


def test_the_command_lines_help_is_the_programs_own() -> None:
    """Made by scripts/command-line; run it again after a change."""
    page = (DOCS / "command-line.md").read_text()
    assert page.endswith(COMMAND_LINE["MARK"] + COMMAND_LINE["texts"]())


@pytest.mark.parametrize("command", [*commands(cli)], ids=lambda command: command.name)
def test_commands_and_options(command: click.Command) -> None:
    """Each says what it is for."""
    assert command.help
    for option in command.params:
        if isinstance(option, click.Argument):  # which the help explains
            assert str(option.metavar) in command.help
            continue
        assert isinstance(option, click.Option)
        assert option.help, option.name
