"""The planted faults: what each changes in the source, and which tests have to notice."""

import importlib.util
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).with_name("faults.toml")
PACKAGE = Path("src", "durable_ingest")


class MisplacedError(Exception):
    """A fault's text is not in the source, or is there more than once."""


@dataclass(frozen=True, kw_only=True)
class Planted:
    """One fault."""

    name: str
    file: str
    """Its module, seen from the package."""
    before: str
    """What is there: once, or the list is out of date."""
    after: str
    """What stands there instead."""
    tests: Sequence[str]
    """Node ids of tests, one of which has to fail."""

    def mutated(self, source: str) -> str:
        """Write the module with the fault in it.

        Raises:
            MisplacedError: `before` does not occur exactly once.
        """
        found = source.count(self.before)
        if found != 1:
            message = f"{self.name}: its text occurs {found} times in {self.file}, not once"
            raise MisplacedError(message)
        return source.replace(self.before, self.after)

    @contextmanager
    def planted(self, tree: Path) -> Iterator[None]:
        """Have the fault in a copy of the project, then take it out again."""
        module = tree / PACKAGE / self.file
        source = module.read_text()
        _write(module, self.mutated(source))
        try:
            yield
        finally:
            _write(module, source)


def load(path: Path = LIST) -> list[Planted]:
    """Read the list."""
    return [Planted(**fault) for fault in tomllib.loads(path.read_text())["fault"]]


def _write(module: Path, source: str) -> None:
    """Write a module; Python would take compiled code of the same size and second for its own."""
    module.write_text(source)
    Path(importlib.util.cache_from_source(module)).unlink(missing_ok=True)
