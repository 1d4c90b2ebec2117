"""Cold starts: what a module imports and constructs, in interpreters of its own."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.children import ROOT
from benchmarks.claims import Claim
from benchmarks.report import Section, figure, times
from benchmarks.samples import Samples, turns

MODEL: Final = """
from pydantic import BaseModel
class Customer(BaseModel):
    customer_id: str
    email: str
    name: str
    city: str | None
    orders: int
    version: int
"""
CONTRACT: Final = (
    MODEL
    + """
from durable_ingest import Table
customers = Table("customers", Customer, key="customer_id", sequence="ingest_sequence")
"""
)
QUEUE: Final = "https://sqs.eu-west-1.amazonaws.com/123456789012/customers.fifo"
DRAINER: Final = "drainer"
AT_WORK: Final = "drainer, and what its first batch loads"
BARE_DRAINER: Final = "PyMySQL, pydantic, tenacity"
ENQUEUER: Final = "enqueuer"
WITH_CLIENT: Final = "enqueuer, its client made"
BARE_ENQUEUER: Final = "boto3's client, pydantic, tenacity"
MADE: Final = f"""{CONTRACT}
from durable_ingest import Drainer, MySQL
drainer = Drainer(MySQL("mysql://user:password@127.0.0.1/ingest"), customers)
"""
STARTS: Final = {
    DRAINER: MADE,
    AT_WORK: f"""{MADE}
import durable_ingest.handling
import durable_ingest.mysql.faults
import durable_ingest.mysql.session
import durable_ingest.mysql.writing
import durable_ingest.setup
""",
    BARE_DRAINER: f"import pymysql, tenacity{MODEL}",
    ENQUEUER: f"""{CONTRACT}
from durable_ingest import Enqueuer
enqueuer = Enqueuer("{QUEUE}", customers)
""",
    WITH_CLIENT: f"""{CONTRACT}
import boto3
from durable_ingest import Enqueuer
enqueuer = Enqueuer("{QUEUE}", customers, client=boto3.client("sqs"))
""",
    BARE_ENQUEUER: f"import boto3, tenacity{MODEL}boto3.client('sqs')",
}
RIVALS: Final = {DRAINER: BARE_DRAINER, AT_WORK: BARE_DRAINER, WITH_CLIENT: BARE_ENQUEUER}
"""What each is compared with."""
BOUNDS: Final = {DRAINER: 1.0, WITH_CLIENT: 1.05}
"""How many times as long as its rival one may take."""
_TIMED: Final = """
import json, logging, sys
from time import perf_counter
code = compile(sys.argv[1], "start", "exec")
began = perf_counter()
exec(code, {"__name__": "start"})
print(perf_counter() - began)
"""
NOTE: Final = (
    "From the first import to the last line; the interpreter's own start is left out, and json and"
    " logging are loaded before, as Lambda's runtime has them. All define the same model of six"
    " fields. A drainer loads PyMySQL when it is constructed, and its own modules that work on"
    " batches with the first batch. An enqueuer makes its client at the first record, so the row"
    " with a client is the one to compare."
)


def measure(pythons: Sequence[Path], rounds: int) -> Section:
    """Time all of them on each interpreter.

    Args:
        pythons: interpreters that have the dependencies; the library itself is found in `src`.
        rounds: starts of each.
    """
    return section({version_of(python): _on(python, rounds) for python in pythons})


def version_of(python: Path) -> str:
    """Ask an interpreter for its version."""
    return run(python, ["-c", "import platform; print(platform.python_version())"], {}).strip()


def _on(python: Path, rounds: int) -> dict[str, Samples]:
    taken = {name: Samples() for name in STARTS}
    with TemporaryDirectory(prefix="durable-ingest-compiled-") as compiled:
        for number, name in turns(list(STARTS), rounds + 1):
            where = {"PYTHONPYCACHEPREFIX": compiled}
            seconds = float(run(python, ["-c", _TIMED, STARTS[name]], where))
            if number:  # the first one compiles, and brings the files into memory
                taken[name].elapsed.append(seconds)
    return taken


def run(python: Path, arguments: Sequence[str], variables: Mapping[str, str]) -> str:
    """Run an interpreter that may write what it compiles, whatever this one may."""
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment = {
        **inherited,
        "PYTHONPATH": str(ROOT / "src"),
        "AWS_DEFAULT_REGION": "eu-west-1",
        **variables,
    }
    ran = subprocess.run(  # noqa: S603 - an interpreter, our own program
        [python, *arguments], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return ran.stdout


def section(taken: dict[str, dict[str, Samples]]) -> Section:
    """Make rows and claims of the samples of each Python."""
    rows, claims = [], []
    for version, samples in taken.items():
        ratios = {
            name: samples[name].typical / samples[rival].typical for name, rival in RIVALS.items()
        }
        for name, each in samples.items():
            ratio = times(ratios[name]) if name in ratios else ""
            rows.append([f"{name}, Python {version}", ratio, figure(each.typical * 1e3)])
        claims += [
            Claim(f"cold start on Python {version}: {name} / {RIVALS[name]}", ratios[name], bound)
            for name, bound in BOUNDS.items()
        ]
    data = {v: {n: s.as_json() for n, s in samples.items()} for v, samples in taken.items()}
    return Section("Cold starts", ["from import to ready", "time", "ms"], rows, claims, data, NOTE)
