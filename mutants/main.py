"""Plant each fault in turn in a copy of the source, and demand that a test notices."""

import argparse
import time
from collections.abc import Sequence
from operator import methodcaller
from pathlib import Path

from durable_ingest.testing import NoDatabaseServerError
from durable_ingest.testing.provisioning import EXIT_NONE
from mutants.lanes import Lane, each, lanes
from mutants.planted import LIST, PACKAGE, MisplacedError, Planted, load
from mutants.trial import ROOT, Trial, Verdict

_WITHOUT_DATABASE = ("tests/unit/", "tests/property/")


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the faults; return the exit status.

    0 where every fault is caught, 1 where one is not or the tests fail without any, 2 where the
    list is out of date, 3 without a database server.
    """
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("-k", metavar="TEXT", default="", help="faults whose name or file has it")
    parser.add_argument("--list", type=Path, default=LIST, help="the faults, as TOML")
    options = parser.parse_args(arguments)
    text = options.k.casefold()
    faults = [f for f in load(options.list) if text in f"{f.name} {f.file}".casefold()]
    if not faults:
        parser.error(f"no fault has {options.k!r} in its name")
    try:
        for fault in faults:
            fault.mutated((ROOT / PACKAGE / fault.file).read_text())
        return _try_all(faults)
    except MisplacedError as error:
        parser.error(str(error))
    except NoDatabaseServerError as error:
        print(error)
        return EXIT_NONE


def _try_all(faults: Sequence[Planted]) -> int:
    start = time.monotonic()
    tests = sorted({test for fault in faults for test in fault.tests})
    database = not all(test.startswith(_WITHOUT_DATABASE) for test in tests)
    with lanes(database=database) as places:
        if not _sound(places, tests):
            return 1
        trials = each(places, [methodcaller("try_fault", fault) for fault in faults])
        verdicts = [_tell(fault, trial) for fault, trial in zip(faults, trials, strict=True)]
    left = [f.name for f, v in zip(faults, verdicts, strict=True) if v is not Verdict.CAUGHT]
    caught = f"{len(faults) - len(left)} of {len(faults)} planted faults are caught"
    print(f"{caught}, in {time.monotonic() - start:.0f} s")
    if left:
        print("NOT CAUGHT:", *left, sep="\n  ")
    return 1 if left else 0


def _sound(places: Sequence[Lane], tests: Sequence[str]) -> bool:
    """See that the tests pass without a fault."""
    shares = [tests[n :: len(places)] for n in range(len(places))]
    trials = list(each(places, [methodcaller("sound", share) for share in shares if share]))
    failed = [trial for trial in trials if trial.verdict is not Verdict.SURVIVED]
    for trial in failed:
        print(trial.last_words)
    print("the tests fail without any fault" if failed else "without a fault all tests pass")
    return not failed


def _tell(fault: Planted, trial: Trial) -> Verdict:
    """Print a fault's line; where its tests could not run, their last words too."""
    by = trial.witnesses[0].removeprefix("tests/") if trial.verdict is Verdict.CAUGHT else ""
    print(f"{trial.verdict.value:8} {trial.seconds:5.1f} s  {fault.name:68}  {by}", flush=True)
    if trial.verdict is Verdict.BROKEN:
        print(trial.last_words)
    return trial.verdict
