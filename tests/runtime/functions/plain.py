"""A function that does what its event says, for the tests of the harness."""

import os
import sys
from threading import Event
from typing import Any


def handler(event: dict[str, Any], context: object) -> object:
    """Give the event back, or fail as it asks."""
    del context
    match event.get("do"):
        case "raise":
            raise LookupError("nothing there")
        case "hang":
            Event().wait()
        case "exit":
            sys.exit(3)
        case "environment":
            return os.environ.get("SETTING")
    return event
