"""One drill, phase by phase."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from drill.options import Options
from drill.recorder import Phase, Recorder, Request, Sample
from drill.stage import Stage
from drill.workload import Change, changes
from durable_ingest.testing import LambdaContext, eventually, http_event

if TYPE_CHECKING:
    from durable_ingest.testing import Handler

WATCH_EVERY = 0.2
API_TIMEOUT = 29.0
BAD_GATEWAY = 502


class Rehearsal:
    """Sends the requests, takes the server down and up again, waits for the queue to run empty.

    Args:
        options: rate and lengths.
        stage: the parts.
        recorder: takes everything down.
        show: is told of each sample, in a thread of its own.
    """

    def __init__(
        self, options: Options, stage: Stage, recorder: Recorder, show: Callable[[Sample], None]
    ) -> None:
        """Keep the parts; nothing is started."""
        self._options = options
        self._stage = stage
        self._recorder = recorder
        self._show = show
        self._traffic_over = threading.Event()
        self._over = threading.Event()
        self._broken = threading.Event()

    def run(self) -> None:
        """Run all phases. What a client or the watch raises ends the drill and is raised here."""
        options, stage, recorder = self._options, self._stage, self._recorder
        with self._threads() as clients, stage.event_source(concurrency=options.drainers):
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
        handler = self._stage.producer()
        with ThreadPoolExecutor(count + 1, thread_name_prefix="drill") as pool:
            try:
                self._recorder.enter(Phase.NORMAL)
                watch = pool.submit(self._watch)
                clients = [pool.submit(self._send, handler, number) for number in range(count)]
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
            eventually(lambda: self._stage.depth() == 0, within=self._options.catch_up, every=0.1)

    def _watch(self) -> None:
        self._watch_once()
        while not self._over.wait(WATCH_EVERY):
            self._watch_once()

    def _watch_once(self) -> None:
        state, rows = self._stage.look()
        stored = None if rows is None else {row.customer_id: row.revision for row in rows}
        depth = self._stage.depth()
        self._show(self._recorder.sampled(depth=depth, database=state, stored=stored))

    def _send(self, handler: "Handler", number: int) -> None:
        """Be one client: send each change of one's customers when it is due, then the next."""
        options = self._options
        for change in changes(seed=options.seed, rate=options.rate, customers=options.customers):
            if change.owner % options.clients != number:
                continue
            if self._traffic_over.wait(max(0.0, change.due - self._recorder.elapsed())):
                return
            self._recorder.answered(self._ask(handler, change))

    def _ask(self, handler: "Handler", change: Change) -> Request:
        customer = change.customer
        event = http_event(
            customer.body(),
            path="/customers",
            headers={
                "Content-Type": "application/json",
                "Idempotency-Key": f"{customer.customer_id}-{customer.revision}",
            },
        )
        phase, at, begin = self._recorder.phase, self._recorder.elapsed(), time.perf_counter()
        try:
            answer = handler(event, LambdaContext(API_TIMEOUT))
            status = int(answer["statusCode"]) if isinstance(answer, dict) else BAD_GATEWAY
        except Exception:  # noqa: BLE001  API Gateway answers so, whatever a handler raises
            status = BAD_GATEWAY
        return Request(
            at=at,
            due=change.due,
            phase=phase,
            status=status,
            answer_ms=(time.perf_counter() - begin) * 1000,
            customer=customer,
        )
