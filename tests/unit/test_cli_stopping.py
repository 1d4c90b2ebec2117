"""Signals that come while one is being handled."""

import signal
import subprocess
import sys

_TWO_AT_ONCE = """
import signal, sys
from durable_ingest.cli.stopping import stopping

def again(frame, event, _):
    caller = frame.f_back.f_code.co_name if frame.f_back else ""
    if event == "return" and caller not in ("told", "<module>"):
        sys.setprofile(None)
        signal.raise_signal(signal.SIGTERM)

with stopping(at_once=True) as stop:
    sys.setprofile(again)
    signal.raise_signal(signal.SIGTERM)
    sys.setprofile(None)
    assert stop.is_set()
    signal.raise_signal(signal.SIGTERM)
"""


def test_a_signal_that_comes_while_one_is_handled_hangs_nothing() -> None:
    """Whatever the first one's handler was about to do, one more ends the program."""
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", _TWO_AT_ONCE], check=False, capture_output=True, timeout=30
    )
    assert (done.returncode, done.stderr) == (128 + signal.SIGTERM, b"")
