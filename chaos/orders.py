"""How a child process is told to end: by SIGTERM, or by the end of the one that started it."""

import os
import select
import signal
import threading

LOOKS_EVERY = 1.0


def ending() -> threading.Event:
    """Give an event that is set when this process is to end; call it in the main thread."""
    over = threading.Event()
    told, tell = os.pipe()
    # A handler may interrupt whatever holds the event's lock: so it does not touch the event.
    signal.signal(signal.SIGTERM, lambda *_: os.write(tell, b"."))
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent and not select.select([told], [], [], LOOKS_EVERY)[0]:
            pass
        over.set()

    threading.Thread(target=watch, daemon=True).start()
    return over
