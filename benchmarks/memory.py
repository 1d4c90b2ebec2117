"""The memory of `Drainer.poll` over a long run, in a process that does nothing else.

`python -m benchmarks.memory DATABASE_URL MESSAGES` prints the samples as JSON.
"""

import json
import subprocess
import sys
import threading
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from benchmarks.children import ROOT
from benchmarks.claims import Claim
from benchmarks.endless_queue import URL, EndlessQueue
from benchmarks.report import Section, figure, times
from benchmarks.writers import SEQUENCE
from benchmarks.writes import create_table
from durable_ingest import Drainer, MySQL

if TYPE_CHECKING:
    from durable_ingest.report import BatchReport

TITLE: Final = "Memory of `poll`"
SAMPLES: Final = 20
MEBI: Final = 1024 * 1024
NOTE: Final = (
    "Resident memory of a process that does nothing but poll. Its queue is an object in the same"
    " process, which has the methods of boto3's client, makes each message when it is received, in"
    " a group of its own, and keeps none: what grows would be the library's. boto3 is left out."
)


def measure(url: str, messages: int) -> Section:
    """Poll in a child process.

    Args:
        url: an empty database.
        messages: how many, a power of ten.
    """
    create_table(url)
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "benchmarks.memory", url, str(messages)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return section(json.loads(ran.stdout))


def polled(url: str, messages: int) -> dict[str, Any]:
    """Poll until so many messages are written and deleted; give messages and memory in turns."""
    samples: list[tuple[int, int]] = []
    step = messages // SAMPLES
    done = 0
    finished = threading.Event()

    def count(report: "BatchReport") -> None:
        nonlocal done
        done += report.settled - report.undeleted
        if done >= (len(samples) + 1) * step:
            samples.append((done, resident()))
        if done >= messages:
            finished.set()

    mysql = MySQL(url, ssl_mode="DISABLED")
    drainer = Drainer(mysql, SEQUENCE, client=EndlessQueue(), on_report=count)
    began = perf_counter()
    drainer.poll(URL, stop=finished)
    rate = round(done / (perf_counter() - began))
    return {"messages": messages, "samples": samples, "messages_a_second": rate}


def resident() -> int:
    """Ask for the bytes of this process that are in memory; where there is no /proc, the most."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text("ascii").splitlines())
        return int(lines["VmRSS"].split()[0]) * 1024
    import resource  # noqa: PLC0415 - Windows has none

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def section(data: dict[str, Any]) -> Section:
    """Make rows and the claim: the first tenth, half, and the end."""
    samples = [(int(count), int(size)) for count, size in data["samples"]]
    end = samples[-1]
    tenth = next(each for each in samples if each[0] >= end[0] // 10)
    half = next(each for each in samples if each[0] >= end[0] // 2)
    rows = [
        [f"{count:,}", times(size / tenth[1]), figure(size / MEBI)]
        for count, size in (tenth, half, end)
    ]
    messages = data["messages"]
    what = f"memory of `poll`: after {messages:,} messages / after {messages // 10:,}"
    claims = [Claim(what, end[1] / tenth[1], 1.1)]
    return Section(TITLE, ["messages so far", "memory", "MiB"], rows, claims, data, NOTE)


if __name__ == "__main__":
    print(json.dumps(polled(sys.argv[1], int(sys.argv[2]))))
