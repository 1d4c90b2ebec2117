"""One run: processes up, faults on every track, faults healed, queues empty, all processes down."""

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from signal import SIGKILL, SIGTERM

from chaos.faults import Fault, database, drainers, network, queue
from chaos.fleet import ROOT
from chaos.options import Options
from chaos.schedule import strikes
from chaos.stage import Stage
from durable_ingest.testing import eventually
from durable_ingest.testing.child import Child

PRODUCERS_END_WITHIN = 60.0
LOOKS_EVERY = 0.5
SHOWS_EVERY = 10.0

TRACKS: Mapping[str, Mapping[str, Fault]] = {
    "database": database.FAULTS,
    "network": network.FAULTS,
    "queue": queue.FAULTS,
    "drainers": drainers.FAULTS,
    "stops": drainers.STOPS,
}
"""The faults that strike side by side."""


class Run:
    """Lets the faults strike.

    Args:
        options: what was asked for.
        stage: the parts.
        show: is told in words how far it is.
    """

    def __init__(self, options: Options, stage: Stage, show: Callable[[str], None]) -> None:
        """Keep the parts; nothing is started."""
        self._options = options
        self._stage = stage
        self._show = show
        self.strikes: Counter[str] = Counter()
        """How often each fault struck."""
        self.hits: Counter[str] = Counter()
        """How often each fault hit something."""
        self.impossible = [
            name
            for faults in TRACKS.values()
            for name, fault in faults.items()
            if fault.needs_disk and stage.disk is None
        ]
        """Faults that cannot strike here."""
        self._futures: list[Future[None]] = []
        self._children: list[Child] = []

    def run(self) -> None:
        """Run to the end. What a fault or a producer raises ends the run and is raised here."""
        with self._stage.fleet, self._producers():
            with self._faults():
                self._wait_for_the_end()
            database.ensure_up(self._stage)
        # The fleet has ended: nothing is written any more.

    def _wait_for_the_end(self) -> None:
        """Wait for the time, and for as many messages and faults as were asked for."""
        options, began = self._options, time.monotonic()
        shown = began
        while not self._is_broken() and (
            time.monotonic() - began < options.seconds
            or self.strikes.total() < (options.faults or 0)
            or self._sent() < (options.messages or 0)
        ):
            self._stage.pause(LOOKS_EVERY)
            if time.monotonic() - shown > SHOWS_EVERY:
                shown = time.monotonic()
                self._show(
                    f"{shown - began:6.0f} s: {self.strikes.total()} faults,"
                    f" {self._sent()} messages sent, {self._stage.waiting()} waiting"
                )

    def _sent(self) -> int:
        return self._stage.sent()

    def _is_broken(self) -> bool:
        for child in self._children:
            if not child.running:
                raise RuntimeError(f"a producer ended early:\n{child.last_words()}")
        return any(future.done() for future in self._futures)

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        """Let every track strike until the end of the context."""
        with ThreadPoolExecutor(len(TRACKS), thread_name_prefix="track") as pool:
            self._futures = [
                pool.submit(self._strike, track, self._chosen(faults))
                for track, faults in TRACKS.items()
                if self._chosen(faults)
            ]
            try:
                yield
            finally:
                self._stage.over.set()
        for future in self._futures:
            future.result()

    def _chosen(self, faults: Mapping[str, Fault]) -> dict[str, Fault]:
        only = self._options.only
        return {
            name: fault
            for name, fault in faults.items()
            if (not only or name in only) and name not in self.impossible
        }

    def _strike(self, track: str, faults: Mapping[str, Fault]) -> None:
        kinds = {name: fault.kind for name, fault in faults.items()}
        stage = self._stage
        for strike in strikes(self._options.seed, track, kinds, gap=self._options.gap):
            stage.pause(strike.gap)
            if stage.over.is_set():
                return
            stage.log.note("fault", fault=strike.fault, seconds=round(strike.seconds, 1))
            hits = faults[strike.fault].blow(stage, strike)
            stage.log.note("healed", fault=strike.fault, hits=hits)
            self.strikes[strike.fault] += 1
            self.hits[strike.fault] += hits

    @contextlib.contextmanager
    def _producers(self) -> Iterator[None]:
        """Run the producers; then let them end, and the queues run empty."""
        folder, children = self._stage.folder, self._children
        try:
            for number in range(self._options.producers):
                children.append(Child(folder / f"producer-{number}.log"))
                command = [sys.executable, "-m", "chaos.producer", str(folder), str(number)]
                children[-1].start(command, cwd=ROOT)
            yield
            self._show("faults are healed; waiting for the queues to run empty")
            for child in children:
                child.send(SIGTERM)
            for child in children:
                child.end(SIGTERM, within=PRODUCERS_END_WITHIN)
            # Queues that do not run empty are for the checker to tell.
            with contextlib.suppress(TimeoutError):
                eventually(
                    lambda: self._stage.waiting() == 0, within=self._options.catch_up, every=0.2
                )
        finally:
            for child in children:
                child.end(SIGKILL, within=PRODUCERS_END_WITHIN)
