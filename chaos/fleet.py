"""The drainers' processes: started, started again when they end, and signalled by their ids."""

import signal
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Self

from chaos.history import Log
from chaos.plan import Plan
from durable_ingest.testing.child import Child

LOOKS_EVERY = 0.1
END_WITHIN = 20.0
ROOT = Path(__file__).parents[1]


@dataclass
class Place:
    """One drainer of a lane; its processes follow one another."""

    lane: int
    child: Child
    name: str = ""
    stopped: bool = False
    """By SIGSTOP."""


class Fleet:
    """A context manager: starts the drainers and ends them."""

    def __init__(self, folder: Path, plan: Plan, log: Log) -> None:
        """Keep the parts; nothing is started."""
        self._folder = folder
        self._module = plan.drainer
        self._log = log
        self._names = count(1)
        self._over = threading.Event()
        self._lock = threading.Lock()
        self.places = [
            Place(lane.number, Child(folder / f"drainers-{lane.number}-{number}.log"))
            for lane in plan.lanes
            for number in range(plan.drainers_of_lane)
        ]
        self._watch = threading.Thread(target=self._keep_up, daemon=True)

    def kill(self, place: Place) -> None:
        """End one with SIGKILL; another takes its place."""
        self._signal(place, signal.SIGKILL)

    def end(self, place: Place) -> None:
        """End one gracefully; another takes its place."""
        self._signal(place, signal.SIGTERM)

    def stop(self, place: Place) -> None:
        """Stop one for now."""
        with self._lock:
            place.stopped = True
            place.child.stop_for_now()
        self._log.note("SIGSTOP", whom=place.name)

    def go_on(self, place: Place) -> None:
        """Let one that was stopped go on."""
        self._signal(place, signal.SIGCONT)
        place.stopped = False

    def doom(self, place: Place) -> None:
        """Let the next invocation time out."""
        self._signal(place, signal.SIGUSR1)

    def __enter__(self) -> Self:
        """Start them."""
        for place in self.places:
            self._start(place)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End them, those that do not end with SIGKILL."""
        self._over.set()
        if self._watch.is_alive():
            self._watch.join()
        for place in self.places:
            place.child.send(signal.SIGCONT)
            place.child.send(signal.SIGTERM)
        for place in self.places:
            try:
                place.child.end(signal.SIGTERM, within=END_WITHIN)
            except TimeoutExpired:
                place.child.end(signal.SIGKILL, within=END_WITHIN)
            self._log.note("ended", whom=place.name)

    def _signal(self, place: Place, number: signal.Signals) -> None:
        with self._lock, suppress(ProcessLookupError):
            self._log.note(number.name, whom=place.name)
            place.child.send(number)

    def _start(self, place: Place) -> None:
        place.name = f"drainer-{next(self._names):04d}"
        place.child.start(
            [sys.executable, "-m", self._module, self._folder, str(place.lane), place.name],
            cwd=ROOT,
        )

    def _keep_up(self) -> None:
        while not self._over.wait(LOOKS_EVERY):
            for place in self.places:
                with self._lock:
                    if not place.child.running:
                        self._log.note("ended", whom=place.name)
                        self._start(place)
