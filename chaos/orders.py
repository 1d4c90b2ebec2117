"""How a child process is told to end: by SIGTERM, or by the end of the one that started it."""

import os
import signal
import threading

LOOKS_EVERY = 1.0


def ending() -> threading.Event:
    """Give an event that is set when this process is to end; call it in the main thread."""
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    parent = os.getppid()

    def watch() -> None:
        while not over.wait(LOOKS_EVERY):
            if os.getppid() != parent:
                over.set()

    threading.Thread(target=watch, daemon=True).start()
    return over
