"""MODULE:DRAINER, as commands take it."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from pathlib import Path

import click

from durable_ingest.drainer import Drainer
from durable_ingest.errors import DurableIngestError


def load_drainer(_ctx: click.Context, _param: click.Parameter, value: str) -> Drainer:
    """Import a drainer by the module that makes it and its name there; a callback of click's.

    The current directory is looked in first.

    Raises:
        click.BadParameter: there is none.
    """
    module_name, _, path = value.partition(":")
    if not module_name or not path:
        problem = f"{value!r} is not MODULE:DRAINER, such as drainer:drainer"
        raise click.BadParameter(problem)
    found = _imported(module_name)
    for name in path.split("."):
        found = getattr(found, name, None)
    if not isinstance(found, Drainer):
        problem = f"{path!r} of {module_name!r} is a {type(found).__name__}, not a Drainer"
        raise click.BadParameter(problem)
    return found


def _imported(name: str) -> object:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except DurableIngestError as error:
        raise click.BadParameter(f"{name} cannot be imported: {error}") from error
    except Exception as error:  # the module's own code may raise anything
        raise click.BadParameter(_why(name, error)) from error


def _why(module: str, error: Exception) -> str:
    """Say what failed, without the exception's text: it might hold a credential."""
    frames = list(traceback.walk_tb(error.__traceback__))
    if isinstance(error, KeyError) and frames[-1][0].f_globals is vars(os):
        name = error.args[0]
        return f"{module} needs the environment variable {name}: set it as the function has it"
    if isinstance(error, ModuleNotFoundError):
        if error.name == module.partition(".")[0]:
            return f"there is no module {module} here; run this where the function's code is"
        return f"{module} cannot be imported: there is no module {error.name}; install it"
    files = [(frame.f_code.co_filename, line) for frame, line in frames]
    file, line = next((each for each in reversed(files) if Path(each[0]).is_file()), files[-1])
    return f"{module} cannot be imported: {type(error).__name__} in {file}, line {line}"
