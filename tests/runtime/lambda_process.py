"""A function in processes of its own, run by AWS' Runtime Interface Emulator as on Lambda.

The emulator comes with the package aws-sam-cli. It starts `python -m awslambdaric`, which is the
runtime of AWS' own images, at the first invocation and again after one that timed out or exited.
"""

import http.client
import importlib.util
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from durable_ingest.testing import eventually
from durable_ingest.testing.waiting import free_port

HOST: Final = "127.0.0.1"
INVOCATIONS: Final = "/2015-03-31/functions/function/invocations"
MACHINES: Final = {"x86_64": "x86_64", "aarch64": "arm64"}
START_WITHIN: Final = 10.0
STOP_WITHIN: Final = 10.0
ANSWER_WITHIN: Final = 30.0
"""Seconds beyond the function's time limit in which the emulator answers."""


class FunctionError(Exception):
    """The function gave no result: it raised, could not be imported, or its process ended."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        """The name of the exception's class, or one of Lambda's own such as Runtime.ExitError."""


class FunctionTimedOutError(FunctionError):
    """Lambda ended the invocation, and the environment with it."""


class LambdaProcess:
    """One function, one environment at a time. A context manager: runs while it is entered.

    Args:
        handler: `module.function`.
        folder: where the module lies; the function's working directory, as /var/task is.
        env: the function's environment variables.
        timeout: the function's, in whole seconds; a cold start counts, as it does not on Lambda.
        python: the interpreter, which has awslambdaric and what the module imports.
    """

    def __init__(
        self,
        handler: str,
        folder: Path,
        env: Mapping[str, str],
        *,
        timeout: int = 30,
        python: str = sys.executable,
    ) -> None:
        self._handler = handler
        self._folder = folder
        self._python = python
        self._timeout = timeout
        self._port, self._runtime_port = two_free_ports()
        self._home = tempfile.TemporaryDirectory(prefix="durable-ingest-")
        self._log = Path(self._home.name, "log")
        self._env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": self._home.name,
            "LANG": "C.UTF-8",
            **env,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start the emulator; the function itself starts at its first invocation."""
        try:
            with self._log.open("wb") as output:
                self._process = subprocess.Popen(  # noqa: S603 - AWS' program, found below
                    self._command(),
                    cwd=self._folder,
                    env=self._env,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            eventually(self._listens, within=START_WITHIN, what="the emulator's start")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.close()

    def _command(self) -> list[str]:
        return [
            str(emulator()),
            "--runtime-interface-emulator-address",
            f"{HOST}:{self._port}",
            "--runtime-api-address",
            f"{HOST}:{self._runtime_port}",
            self._python,
            "-m",
            "awslambdaric",
            self._handler,
        ]

    def _listens(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            message = f"the emulator ended while it started:\n{self.log}"
            raise RuntimeError(message)
        try:
            for port in (self._port, self._runtime_port):
                socket.create_connection((HOST, port), 1.0).close()
        except OSError:
            return False
        return True

    def invoke(self, event: object, context: object = None) -> Any:  # noqa: ANN401 - JSON
        """Invoke it and wait for the result; a handler to an `EventSource`.

        Raises:
            FunctionTimedOutError: it took longer than it may.
            FunctionError: it failed otherwise.
        """
        del context  # the runtime makes the real one
        within = self._timeout + ANSWER_WITHIN
        connection = http.client.HTTPConnection(HOST, self._port, timeout=within)
        try:
            connection.request("POST", INVOCATIONS, json.dumps(event).encode())
            return result(connection.getresponse().read().decode())
        finally:
            connection.close()

    @property
    def log(self) -> str:
        """What emulator and function have written, as CloudWatch would have it."""
        return self._log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """The process of the environment.

        Raises:
            ValueError: there is none, or more than one.
        """
        (pid,) = self._environment()
        return pid

    def _environment(self) -> list[int]:
        """List the processes of the environment: all that descend from the emulator.

        It leads their session, and gives each a process group of its own.
        """
        if self._process is None:
            return []
        leader = self._process.pid
        return [pid for pid, session in _living() if session == leader != pid]

    def freeze(self) -> None:
        """Stop the environment, as Lambda does between invocations; return when it stands still."""
        frozen = self._environment()
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        eventually(lambda: all(map(_stands_still, frozen)), what="the freeze of every thread")

    def thaw(self) -> None:
        """Let a frozen environment go on."""
        for pid in self._environment():
            os.kill(pid, signal.SIGCONT)

    def close(self) -> None:
        """End the emulator and all that descends from it; may be called again."""
        if self._process is not None:
            self._process.terminate()  # upon which it ends the environment, frozen or not
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_WITHIN)
            for pid in [self._process.pid, *self._environment()]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait(STOP_WITHIN)
            eventually(lambda: not self._environment(), what="the end of the environment")
            self._process = None
        self._home.cleanup()


def two_free_ports() -> tuple[int, int]:
    """Find two: the emulator takes no port 0."""
    first, second = free_port(), free_port()
    return (first, second) if first != second else two_free_ports()


def emulator() -> Path:
    """Find the emulator for this machine.

    Raises:
        RuntimeError: there is none; the text says what to do.
    """
    machine = MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None:
        message = (
            "AWS' Runtime Interface Emulator runs on Linux alone, on x86_64 or arm64: run these"
            " tests in a Linux container or machine"
        )
        raise RuntimeError(message)
    package = importlib.util.find_spec("samcli")
    if package is None or not package.submodule_search_locations:
        message = "aws-sam-cli, which brings the emulator, is not installed: use `make runtime`"
        raise RuntimeError(message)
    folder = Path(package.submodule_search_locations[0])
    return folder / "local" / "rapid" / f"aws-lambda-rie-{machine}"


def result(answer: str) -> Any:  # noqa: ANN401 - JSON
    """Tell a result from a failure, which the emulator answers with HTTP 200 as well.

    Raises:
        FunctionTimedOutError: it is the emulator's sentence about a time-out, which is no JSON.
        FunctionError: it is an error's document.
    """
    try:
        document = json.loads(answer)
    except ValueError:
        raise FunctionTimedOutError("Sandbox.Timedout", answer) from None
    if isinstance(document, dict) and "errorType" in document:
        raise FunctionError(document["errorType"], document.get("errorMessage", ""))
    return document


def _living() -> Iterator[tuple[int, int]]:
    """Give the id and the session of every process that has not ended (proc(5))."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(entry)) and fields[0] != "Z":
            yield int(entry.name), int(fields[3])


def _stands_still(pid: int) -> bool:
    tasks = Path(f"/proc/{pid}/task")
    return all(_stat(task)[:1] == ["T"] for task in tasks.iterdir())


def _stat(process: Path) -> list[str]:
    """Read state, parent, group, session, and what follows them; nothing if it has ended."""
    try:
        text = (process / "stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()
