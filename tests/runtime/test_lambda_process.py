"""The harness: results, errors and time-outs are told apart, and nothing is left running."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.lambda_process import (
    FunctionError,
    FunctionTimedOutError,
    LambdaProcess,
    emulator,
)

pytestmark = pytest.mark.runtime
FUNCTIONS = Path(__file__).with_name("functions")


@pytest.fixture
def plain() -> Iterator[LambdaProcess]:
    """Give a function that does as it is told."""
    with LambdaProcess("plain.handler", FUNCTIONS, {"SETTING": "Zoë"}, timeout=2) as process:
        yield process


def test_results_and_settings_come_through(plain: LambdaProcess) -> None:
    """A result is what the handler returned; its environment is the one that was given."""
    assert plain.invoke({"name": "Zoë \N{CRAB}"}) == {"name": "Zoë \N{CRAB}"}
    assert plain.invoke({"do": "environment"}) == "Zoë"


def test_an_exception_leaves_the_environment(plain: LambdaProcess) -> None:
    """It is told from a result, and the same process answers the next event."""
    plain.invoke({})
    before = plain.pid
    with pytest.raises(FunctionError, match="LookupError: nothing there") as raised:
        plain.invoke({"do": "raise"})
    assert raised.value.kind == "LookupError"
    assert plain.invoke({"n": 1}) == {"n": 1}
    assert plain.pid == before


@pytest.mark.parametrize(
    ("do", "kind"), [("hang", "Sandbox.Timedout"), ("exit", "Runtime.ExitError")]
)
def test_the_environment_is_replaced(plain: LambdaProcess, do: str, kind: str) -> None:
    """A process that hangs is killed, one that exits is gone; the next event gets a fresh one."""
    plain.invoke({})
    before = plain.pid
    with pytest.raises(FunctionError) as raised:
        plain.invoke({"do": do})
    assert raised.value.kind == kind
    assert isinstance(raised.value, FunctionTimedOutError) == (do == "hang")
    assert not Path(f"/proc/{before}").exists()
    assert plain.invoke({"n": 1}) == {"n": 1}
    assert plain.pid != before


def test_a_module_that_cannot_be_imported() -> None:
    """The error says which."""
    with (
        LambdaProcess("absent.handler", FUNCTIONS, {}) as process,
        pytest.raises(FunctionError, match="absent") as raised,
    ):
        process.invoke({})
    assert raised.value.kind == "Runtime.ImportModuleError"


def test_nothing_runs_on_after_the_end(plain: LambdaProcess) -> None:
    """A frozen environment ends with its emulator."""
    plain.invoke({})
    pid = plain.pid
    plain.freeze()
    plain.close()
    assert not Path(f"/proc/{pid}").exists()


def test_another_system_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no emulator for macOS."""
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(RuntimeError, match="runs on Linux alone"):
        emulator()


def test_a_missing_emulator_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is skipped where it is not installed."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(RuntimeError, match="make runtime"):
        emulator()
