"""What handler modules find when they are imported: variables, paths, and a fresh start."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
DATABASE = "DURABLE_INGEST_MYSQL_URL"
OTHERS = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    DATABASE,
)
WITHOUT_PROXY = ("NO_PROXY", "no_proxy")
LOOPBACK = "127.0.0.1"


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
        self._displaced: dict[str, ModuleType | None] = {}
        for name in OTHERS:
            monkeypatch.delenv(name, raising=False)
        self.set(**AWS)
        for name in WITHOUT_PROXY:  # a developer's proxy does not know this machine's loopback
            others = os.environ.get(name, "")
            if others != "*":
                self.set(**{name: f"{others},{LOOPBACK}" if others else LOOPBACK})
        self._session = _swap_default_session(None)
        monkeypatch.setattr(sys, "path", self._paths())
        importlib.invalidate_caches()

    def _paths(self) -> list[str]:
        places = [place for folder in self._folders for place in (folder, folder / "src")]
        # A package's own folder comes last: its modules have dotted names, and one of them that is
        # called as one of Python's (`queue`, `types`) must not be taken for it.
        packages = [str(place) for place in places if (place / "__init__.py").exists()]
        folders = [str(place) for place in places if place.is_dir() and str(place) not in packages]
        return [*folders, *sys.path, *packages]

    def set(self, **variables: str) -> None:
        """Set environment variables until the test ends; `load` what reads them afterwards."""
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def load(self, *names: str) -> tuple[ModuleType, ...]:
        """Import modules anew, as a cold start does; they are forgotten when the test ends.

        What they import in turn is imported once, and not anew where it is there already: contracts
        stay the same for the test and all its handlers.

            [drainer] = ingest_env.load("app.drainer")

        Args:
            names: dotted names.

        Returns:
            The modules, as many as names.
        """
        for name in names:
            self._displaced.setdefault(name, sys.modules.pop(name, None))
            sys.modules.pop(name, None)
        before = set(sys.modules)
        try:
            return tuple(importlib.import_module(name) for name in names)
        except ModuleNotFoundError as error:
            if error.name in names:
                error.add_note(f"looked in {', '.join(map(str, self._folders))}")
            raise
        except Exception as error:
            if DATABASE not in os.environ and DATABASE in str(error):
                error.add_note(f"{DATABASE} is not set: the test does not use `ingest_mysql`")
            raise
        finally:
            new = set(sys.modules) - before
            self._fresh |= {name for name in new if self._is_the_teams(name)}

    def close(self) -> None:
        """Forget what was loaded; put back what it stood in for."""
        _swap_default_session(self._session)
        for name in self._fresh:
            _put(name, None)
        for name, module in self._displaced.items():
            if module is not None:
                _put(name, module)

    def _is_the_teams(self, name: str) -> bool:
        file = getattr(sys.modules[name], "__file__", None)
        if file is None or "site-packages" in Path(file).parts or name.startswith(_LIBRARY):
            return False
        return any(Path(file).is_relative_to(folder) for folder in self._folders)


_LIBRARY = "durable_ingest."


def _put(name: str, module: ModuleType | None) -> None:
    """Make it what `import` finds, also as an attribute of its package; None: make it unknown."""
    package, _, attribute = name.rpartition(".")
    parent = sys.modules.get(package)
    old = sys.modules.pop(name, None)
    if module is not None:
        sys.modules[name] = module
        if parent is not None:
            setattr(parent, attribute, module)
    elif old is not None and getattr(parent, attribute, None) is old:
        delattr(parent, attribute)


def _swap_default_session(session: Any) -> Any:  # noqa: ANN401  boto3's, which need not be loaded
    """Give boto3 another default session, which keeps credentials; return the one it had."""
    boto3 = sys.modules.get("boto3")
    had = getattr(boto3, "DEFAULT_SESSION", None)
    if boto3 is not None:
        boto3.DEFAULT_SESSION = session  # type: ignore[attr-defined]
    return had
