"""An HTTP proxy in front of the queue emulator, in which a fault decides about each call."""

import http.client
import json
import socket
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

REMEMBERED = 300
"""How many answers to a receive are kept for each queue."""
_ANSWER_WITHIN = 30.0


@dataclass(frozen=True)
class Call:
    """One call of SQS' JSON protocol."""

    operation: str
    """Such as `SendMessageBatch`."""
    arguments: dict[str, Any]

    @property
    def queue(self) -> str:
        """The queue's name."""
        return str(self.arguments.get("QueueUrl", "")).rpartition("/")[2]

    @property
    def to_dead_letters(self) -> bool:
        """Whether it is for a dead-letter queue."""
        return self.queue.endswith("-dead.fifo")


@dataclass(frozen=True)
class Answer:
    """What the caller gets."""

    status: int
    content: dict[str, Any] = field(default_factory=dict)


Forward = Callable[[Call], Answer]
"""Asks the emulator."""
Hook = Callable[[Call, Forward], Answer | None]
"""Decides about a call, in a thread of its own; None ends the connection without an answer."""


def error(status: int, code: str) -> Answer:
    """Make an error as SQS words it."""
    return Answer(status, {"__type": f"com.amazonaws.sqs#{code}", "message": code})


def pass_on(call: Call, forward: Forward) -> Answer:
    """Let a call through."""
    return forward(call)


class QueueProxy:
    """A context manager: listens on a free port of 127.0.0.1 while it is entered.

    Args:
        port: the emulator's.
    """

    def __init__(self, port: int) -> None:
        """Keep the port; nothing is opened."""
        self.hook: Hook = pass_on
        """May be replaced at any time."""
        self.received: dict[str, deque[Answer]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        """The last answers to receives that had messages, by queue."""
        self.highest_sequence: dict[str, int] = {}
        """Of the answers to sends, by queue; SQS' own queues are not numbered from 1."""
        self._upstream = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """Where it listens.

        Raises:
            RuntimeError: it is not entered.
        """
        if self._server is None:
            raise RuntimeError("the proxy is not open; use it in a with statement")
        return int(self._server.server_address[1])

    def url(self, url: str) -> str:
        """Give a queue's URL that leads through the proxy."""
        return urlsplit(url)._replace(netloc=f"127.0.0.1:{self.port}").geturl()

    def __enter__(self) -> Self:
        """Listen."""
        self._server = _Server(("127.0.0.1", 0), self)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        self._server = self._thread = None

    def upstream(self) -> http.client.HTTPConnection:
        """Make a connection to the emulator."""
        return http.client.HTTPConnection("127.0.0.1", self._upstream, timeout=_ANSWER_WITHIN)

    def remember(self, call: Call, answer: Answer) -> None:
        """Keep what faults and progress ask for."""
        if call.operation == "ReceiveMessage" and answer.content.get("Messages"):
            self.received[call.queue].append(answer)
        elif call.operation == "SendMessageBatch" and not call.to_dead_letters:
            numbers = [int(entry["SequenceNumber"]) for entry in answer.content["Successful"]]
            self.highest_sequence[call.queue] = max(
                [self.highest_sequence.get(call.queue, 0), *numbers]
            )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], proxy: QueueProxy) -> None:
        self.proxy = proxy
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients are killed here."""


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client, with one of its own to the emulator."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._upstream = self.server.proxy.upstream()

    def finish(self) -> None:
        self._upstream.close()
        with suppress(OSError):
            super().finish()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        call = Call(operation, json.loads(body or b"{}"))
        answer = self.server.proxy.hook(call, self._forward)
        if answer is None:
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        text = json.dumps(answer.content).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _forward(self, call: Call) -> Answer:
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in {"host", "content-length", "connection", "expect"}
        }
        text = json.dumps(call.arguments).encode()
        try:
            answer = self._ask(text, headers)
        except (http.client.HTTPException, ConnectionError):
            self._upstream.close()  # the emulator ends idle connections
            answer = self._ask(text, headers)
        self.server.proxy.remember(call, answer)
        return answer

    def _ask(self, text: bytes, headers: dict[str, str]) -> Answer:
        self._upstream.request("POST", self.path, text, headers)
        response = self._upstream.getresponse()
        return Answer(response.status, json.loads(response.read() or b"{}"))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class' name
        """Say nothing."""
