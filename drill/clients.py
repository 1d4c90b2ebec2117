"""The clients: each sends the changes of its customers, one after another, when they are due."""

import threading
import time
from typing import TYPE_CHECKING

from drill.options import Options
from drill.recorder import Recorder, Request
from drill.workload import Change, changes
from durable_ingest.testing import LambdaContext, http_event

if TYPE_CHECKING:
    from durable_ingest.testing import Handler

API_TIMEOUT = 29.0
BAD_GATEWAY = 502


class Clients:
    """Sends requests to a handler and takes down the answers.

    Args:
        options: rate, customers, how many clients.
        recorder: takes everything down.
        over: when it is set, nothing more is sent.
    """

    def __init__(self, options: Options, recorder: Recorder, over: threading.Event) -> None:
        """Keep the parts."""
        self._options = options
        self._recorder = recorder
        self._over = over

    def send(self, handler: "Handler", number: int) -> None:
        """Be one client: send each change of one's customers when it is due, then the next."""
        options = self._options
        for change in changes(seed=options.seed, rate=options.rate, customers=options.customers):
            if change.due >= options.last_due:
                return
            if change.owner % options.clients != number:
                continue
            if self._over.wait(max(0.0, change.due - self._recorder.elapsed())):
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
