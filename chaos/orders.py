"""How a child process is told to end: by SIGTERM, or by the end of the one that started it."""

import os
import select
import signal
import threading

LOOKS_EVERY = 1.0


def ending() -> threading.Event:
    """Give an event that is set when this process is to end; call it in the main thread.

    After a SIGSTOP any thread may be the one that takes a signal, and a main thread that waits for
    a lock would not hear of it: so the number comes through a pipe, to a thread that listens.
    """
    over = threading.Event()
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    parent = os.getppid()

    def is_told() -> bool:
        ready, _, _ = select.select([told], [], [], LOOKS_EVERY)
        return bool(ready) and signal.SIGTERM in os.read(told, 64)

    def watch() -> None:
        while os.getppid() == parent and not is_told():
            pass
        over.set()

    threading.Thread(target=watch, daemon=True).start()
    return over
