"""What handler modules find when they are imported: variables, paths, and a fresh start."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    import pytest

AWS = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
}
DATABASE = "DURABLE_INGEST_MYSQL_URL"
OTHERS = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", DATABASE)


class IngestEnvironment:
    """What a function finds around it on Lambda, as long as a test lasts.

    AWS' credentials and region are dummies, and nothing that the developer has set for AWS or a
    database reaches a handler.

    Args:
        monkeypatch: what takes it back at the end.
        folders: modules are found in these and their `src` folders, nearest first.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folders: Sequence[Path]) -> None:
        """Set variables and paths."""
        self._monkeypatch = monkeypatch
        self._folders = folders
        self._fresh: set[str] = set()
        for name in OTHERS:
            monkeypatch.delenv(name, raising=False)
        self.set(**AWS)
        places = [place for folder in folders for place in (folder, folder / "src")]
        monkeypatch.setattr(sys, "path", [*map(str, filter(Path.is_dir, places)), *sys.path])
        importlib.invalidate_caches()

    def set(self, **variables: str) -> None:
        """Set environment variables until the test ends; `load` what reads them afterwards."""
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def load(self, *names: str) -> tuple[ModuleType, ...]:
        """Import modules anew, as a cold start does; they are forgotten when the test ends.

        What they import in turn is imported once, and not anew where it is there already: contracts
        stay the same for the test and all its handlers.

        Args:
            names: dotted names.
        """
        for name in names:
            sys.modules.pop(name, None)
        before = set(sys.modules)
        try:
            return tuple(importlib.import_module(name) for name in names)
        except Exception as error:
            if DATABASE not in os.environ:
                error.add_note(f"{DATABASE} is not set: the test does not use `ingest_mysql`")
            raise
        finally:
            new = set(sys.modules) - before
            self._fresh |= {name for name in new if self._is_the_teams(name)}

    def close(self) -> None:
        """Forget what was loaded."""
        for name in self._fresh:
            sys.modules.pop(name, None)

    def _is_the_teams(self, name: str) -> bool:
        file = getattr(sys.modules[name], "__file__", None)
        if file is None or "site-packages" in Path(file).parts:
            return False
        return any(Path(file).is_relative_to(folder) for folder in self._folders)
