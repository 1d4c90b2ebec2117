"""MODULE:DRAINER, as commands take it."""

from __future__ import annotations

import importlib
import sys
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
    except (ImportError, KeyError, DurableIngestError) as error:
        # These name what is missing: a module, a variable of the environment, a setting.
        problem = f"{type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001 - the module's own code may raise anything
        problem = type(error).__name__
    problem = (
        f"importing {name!r} raised {problem}. It is imported as the function imports it: give it"
        " the function's environment variables"
    )
    raise click.BadParameter(problem)
