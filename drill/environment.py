"""Execution environments as Lambda makes them: variables, and a fresh import of the handler."""

import contextlib
import importlib.util
import itertools
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from durable_ingest.testing import Handler

# What would lead an AWS client elsewhere than to the local queue.
_MISLEADING = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_SQS",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_SESSION_TOKEN",
)
_numbers = itertools.count(1)


@contextlib.contextmanager
def variables(**given: str) -> Iterator[None]:
    """Set the handlers' environment variables, and dummy credentials; put all back at the end."""
    before = dict(os.environ)
    for name in _MISLEADING:
        os.environ.pop(name, None)
    os.environ.update(
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",  # noqa: S106  the emulator asks for none
        AWS_DEFAULT_REGION="eu-west-1",
        NO_PROXY="127.0.0.1",
        no_proxy="127.0.0.1",
        **given,
    )
    try:
        yield
    finally:
        _restore(before)


def _restore(before: Mapping[str, str]) -> None:
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


def load(file: Path) -> "Handler":
    """Import a file anew, as a cold start does; return its `handler`.

    The module stays in `sys.modules` under a name of its own, so it lives, with its connections,
    as long as the process.
    """
    name = f"drill_environment_{next(_numbers)}_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        message = f"{file} is no Python file"
        raise ImportError(message)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    handler: Handler = module.handler
    return handler
