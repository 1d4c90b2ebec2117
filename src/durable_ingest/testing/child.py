"""A child process with its output in a file, ended by its own id."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class Child:
    """One program that is started, signalled and ended; it can be started again.

    It gets a session of its own: a Ctrl-C at the terminal reaches the tests, which then end it.
    """

    def __init__(self, log: Path) -> None:
        """Keep the output of every start in the file `log`."""
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the process lives; a stopped (SIGSTOP) one does."""
        return self._process is not None and self._process.poll() is None

    def start(
        self, command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str] | None = None
    ) -> None:
        """Start `command`; its arguments are not read by any shell."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  the caller's own program
                [str(part) for part in command],
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop_for_now(self) -> None:
        """Send SIGSTOP and wait until it has taken effect in every thread.

        The parent is told of a stop only when it is complete; without waiting for that, a server
        may still answer a request.
        """
        if self.running and self._process is not None:
            self._process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def send(self, number: signal.Signals) -> None:
        """Send one signal, if the process lives."""
        if self._process is not None:
            self._process.send_signal(number)

    def end(self, number: signal.Signals, *, within: float) -> None:
        """Send a signal and wait for the end.

        Raises:
            subprocess.TimeoutExpired: the process lives on after `within` seconds.
        """
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(within)

    def last_words(self, lines: int = 20) -> str:
        """Read the end of the log, for an error's text."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
