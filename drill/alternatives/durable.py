"""D: durable_ingest, with the handlers of the drill."""

import contextlib
from collections.abc import Iterator

from drill.alternatives.candidate import Candidate, Setting, behind_a_gateway
from drill.alternatives.meter import Meter


@contextlib.contextmanager
def candidate(setting: Setting) -> Iterator[Candidate]:
    """Put the producer behind a gateway, and the drainer behind the queue."""
    stage, meter = setting.stage, Meter()
    with behind_a_gateway(setting, lambda _: stage.producer()) as (gateway, function):
        yield Candidate(
            gateway,
            function,
            meters=[meter],
            behind=lambda: stage.event_source(
                concurrency=setting.drainers, measured=meter.measured
            ),
            waiting=stage.depth,
        )
