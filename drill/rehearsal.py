"""One drill, phase by phase."""

import contextlib
import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from drill.clients import Clients
from drill.options import Options
from drill.recorder import Phase, Recorder, Sample
from drill.stage import Stage
from durable_ingest.testing import eventually

if TYPE_CHECKING:
    from durable_ingest.testing import Handler

WATCH_EVERY = 0.2


class Subject(Protocol):
    """What is rehearsed: a way to get writes into the database."""

    def producer(self) -> "Handler":
        """Give what the clients' requests go to."""

    def background(self) -> AbstractContextManager[object]:
        """Run what works behind it."""

    def depth(self) -> int:
        """Count what is under way to the database."""


@dataclass(frozen=True)
class Library:
    """durable_ingest, its producer called without a gateway between."""

    stage: Stage
    drainers: int

    def producer(self) -> "Handler":
        """Import the producer."""
        return self.stage.producer()

    def background(self) -> AbstractContextManager[object]:
        """Run the drainers."""
        return self.stage.event_source(concurrency=self.drainers)

    def depth(self) -> int:
        """Count the queue's messages."""
        return self.stage.depth()


class Rehearsal:
    """Sends the requests, takes the server down and up again, waits for the queue to run empty.

    Args:
        options: rate and lengths.
        stage: the database.
        subject: where the requests go.
        recorder: takes everything down.
        show: is told of each sample, in a thread of its own.
    """

    def __init__(
        self,
        options: Options,
        stage: Stage,
        subject: Subject,
        recorder: Recorder,
        show: Callable[[Sample], None],
    ) -> None:
        """Keep the parts; nothing is started."""
        self._options = options
        self._stage = stage
        self._subject = subject
        self._recorder = recorder
        self._show = show
        self._traffic_over = threading.Event()
        self._over = threading.Event()
        self._broken = threading.Event()

    def run(self) -> None:
        """Run all phases. What a client or the watch raises ends the drill and is raised here."""
        options, stage, recorder = self._options, self._stage, self._recorder
        with self._threads() as clients, self._subject.background():
            self._pause(options.normal)
            recorder.enter(Phase.DOWN)
            stage.take_down()
            down_until = recorder.began[Phase.DOWN] + options.outage - options.read_only
            self._pause(down_until - recorder.elapsed())
            stage.come_back_read_only()
            recorder.enter(Phase.READ_ONLY)
            self._pause(options.read_only)
            stage.accept_writes()
            recorder.enter(Phase.CATCH_UP)
            self._pause(options.after)
            if options.last_due == math.inf:
                self._traffic_over.set()
            for client in clients:
                client.result()
            self._wait_until_the_queue_is_empty()
        recorder.end()
        self._watch_once()

    @contextlib.contextmanager
    def _threads(self) -> Iterator[list[Future[None]]]:
        """Start the clients and the watch; end them, whatever happens."""
        count = self._options.clients
        handler = self._subject.producer()
        sender = Clients(self._options, self._recorder, self._traffic_over)
        with ThreadPoolExecutor(count + 1, thread_name_prefix="drill") as pool:
            try:
                self._recorder.enter(Phase.NORMAL)
                watch = pool.submit(self._watch)
                clients = [pool.submit(sender.send, handler, number) for number in range(count)]
                for future in [watch, *clients]:
                    future.add_done_callback(self._note_end)
                yield clients
            finally:
                self._traffic_over.set()
                self._over.set()
        for future in [watch, *clients]:
            future.result()

    def _note_end(self, future: Future[None]) -> None:
        if future.exception() is not None:
            self._broken.set()

    def _pause(self, seconds: float) -> None:
        if self._broken.wait(max(0.0, seconds)):
            message = "a thread of the drill ended early"
            raise RuntimeError(message)

    def _wait_until_the_queue_is_empty(self) -> None:
        # A queue that does not run empty is for the checker to tell.
        with contextlib.suppress(TimeoutError):
            eventually(lambda: self._subject.depth() == 0, within=self._options.catch_up, every=0.1)

    def _watch(self) -> None:
        self._watch_once()
        while not self._over.wait(WATCH_EVERY):
            self._watch_once()

    def _watch_once(self) -> None:
        state, rows = self._stage.look()
        stored = None if rows is None else {row.customer_id: row.revision for row in rows}
        depth = self._subject.depth()
        self._show(self._recorder.sampled(depth=depth, database=state, stored=stored))
