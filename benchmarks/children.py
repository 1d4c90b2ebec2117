"""Servers in processes of their own, so that their work is not taken for a candidate's."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from durable_ingest.testing.connection import Address

ROOT = Path(__file__).parents[1]


@contextmanager
def child(module: str, arguments: Sequence[str] = ()) -> Iterator[str]:
    """Run a module of this package; give the first line that it prints. It ends with its input."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    with subprocess.Popen(  # noqa: S603 - our own program
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("pipes were asked for")
        line = process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"benchmarks.{module} did not start; see above")
        try:
            yield line
        finally:
            process.stdin.close()


@contextmanager
def delayed(url: str, milliseconds: float) -> Iterator[str]:
    """Give a database URL through a proxy that keeps each request waiting."""
    address = Address.parse(url)
    place = [address.host, str(address.port), str(milliseconds)]
    with child("delaying_proxy", place) as port:
        yield Address(
            user=address.user,
            password=address.password,
            host="127.0.0.1",
            port=int(port),
            database=address.database,
        ).url
