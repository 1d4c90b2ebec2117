"""A drainer with a fault: it takes its first batch for done and writes nothing of it."""

import sys
from itertools import count
from pathlib import Path
from typing import Any

from chaos.drainer import main
from durable_ingest import Drainer

_batches = count(1)
_handle = Drainer.handle


def handle(drainer: Drainer, event: dict[str, Any], context: object = None) -> dict[str, Any]:
    """Drain a batch, or drop it."""
    if next(_batches) == 1:
        return {"batchItemFailures": []}
    return _handle(drainer, event, context)


if __name__ == "__main__":
    Drainer.handle = handle  # type: ignore[method-assign,assignment]
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
