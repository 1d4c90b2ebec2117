"""The strict SQS in memory behind HTTP, where boto3's own clients reach it.

It speaks SQS' JSON protocol, as every boto3 does that the library runs with. Source: "Making Query
API requests using AWS JSON protocol" in the SQS developer guide.
"""

import base64
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Self

from durable_ingest.testing.memory_client import METHOD_OF
from durable_ingest.testing.memory_queue import MemoryQueueService
from durable_ingest.testing.queue_faults import client_error
from durable_ingest.testing.waiting import free_port

HOST = "127.0.0.1"
LOOK_EVERY = 0.02
"""Seconds after which the server notices that it is to stop."""
SILENCE = 30.0
"""Seconds for which it hears out a client that says nothing."""


class MemoryQueueServer:
    """A `MemoryQueueService` on a free port of 127.0.0.1. A context manager: serves while entered.

    The library with clients of its own, on a queue that costs no process:

        with MemoryQueueServer(clock.now, wait=clock.sleep) as server:
            pair = server.service.create_queue("writes")
            enqueuer = Enqueuer(pair.url, customers)

    boto3 finds the server by the queue's URL where the library makes the client, and by
    `endpoint_url` elsewhere; it wants credentials, which may be any, and a region.

    Faults ordered with `service.faults` strike here too. A ClientError is answered as it is; for
    any other error of botocore, and for an OSError, the connection is closed without an answer. So
    `unreachable` leaves a caller in doubt here. Closed, the server refuses connections: then
    nothing was done for sure. It keeps its queues and its port, and may be started again.

    Args:
        now: seconds since 1970; never goes back.
        wait: as of `MemoryQueueService`; called in the server's threads.
        settings: the other arguments of `MemoryQueueService`.

    Attributes:
        service: the queues.
        port: where it listens.
    """

    def __init__(
        self,
        now: Callable[[], float],
        *,
        wait: Callable[[float], object] | None = None,
        **settings: int,
    ) -> None:
        """Choose the port; nothing listens yet."""
        self.port = free_port()
        self.service = MemoryQueueService(
            now, wait=wait, endpoint_url=self.endpoint_url, **settings
        )
        self._now = now
        self._listening: tuple[_Server, threading.Thread] | None = None

    @property
    def endpoint_url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Listen; return when clients can connect."""
        if self._listening is not None:
            message = "the server runs already"
            raise RuntimeError(message)
        server = _Server(self.port, self.service, self._now)
        thread = threading.Thread(
            target=server.serve_forever, args=(LOOK_EVERY,), name="memory-queue", daemon=True
        )
        thread.start()
        self._listening = server, thread

    def close(self) -> None:
        """Listen no more; a request under way is still answered. May be called again."""
        if self._listening is None:
            return
        server, thread = self._listening
        self._listening = None
        server.shutdown()
        server.server_close()
        thread.join()

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # a connection past the backlog would wait for a second

    def __init__(self, port: int, service: MemoryQueueService, now: Callable[[], float]) -> None:
        self.client = service.client()
        self.now = now
        super().__init__((HOST, port), _Handler)

    def server_bind(self) -> None:
        """Bind without looking up the host's name, which a slow resolver would hold up."""
        TCPServer.server_bind(self)

    def handle_error(self, *_: object) -> None:
        """Stay silent: only a socket whose client went away can fail here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = SILENCE
    wbufsize = -1  # one segment for each answer
    server: _Server

    def do_POST(self) -> None:
        """Answer one request and close the connection, so that no client keeps it open."""
        self.close_connection = True
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        reply = _reply(self.server.client, self.headers.get("X-Amz-Target", ""), content)
        if reply is None:
            return
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "Content-Length": str(len(reply.content)),
            "Connection": "close",
            "x-amzn-RequestId": "",
            **reply.headers,
        }
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.content)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Give the queues' own time as the Date of an answer."""
        return super().date_time_string(self.server.now() if timestamp is None else timestamp)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@dataclass(frozen=True)
class _Reply:
    status: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def _reply(client: Any, target: str, content: bytes) -> _Reply | None:  # noqa: ANN401  boto3-like
    """Carry out one request; None where no answer is to be sent."""
    from botocore.exceptions import (  # noqa: PLC0415  loaded at first use
        BotoCoreError,
        ClientError,
        ParamValidationError,
    )

    operation = target.removeprefix("AmazonSQS.")
    try:
        return _Reply(200, _to_json(_carry_out(client, operation, content)))
    except ClientError as error:
        return _refusal(error.response)
    except ParamValidationError as error:  # boto3 let it pass: SQS knows it, the memory does not
        return _refused("InvalidParameterValue", str(error), operation)
    except NotImplementedError as error:
        return _refused("UnsupportedOperation", str(error), operation)
    except (BotoCoreError, OSError):
        return None
    except Exception as error:  # noqa: BLE001  a test's own fault went wrong: its author must hear
        return _refused("InternalError", f"{type(error).__name__}: {error}", operation, status=500)


def _carry_out(client: Any, operation: str, content: bytes) -> dict[str, Any]:  # noqa: ANN401
    if operation not in METHOD_OF:
        raise NotImplementedError(f"the queue in memory knows no operation {operation!a}")
    arguments = json.loads(content, object_hook=_with_bytes)
    answer: dict[str, Any] = getattr(client, METHOD_OF[operation])(**arguments)
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def _refused(code: str, text: str, operation: str, *, status: int = 400) -> _Reply:
    return _refusal(client_error(code, text, operation, status=status).response)


def _refusal(response: Mapping[str, Any]) -> _Reply:
    """Send an error as SQS does: the new protocol's code in `__type`, the old one's in a header."""
    error = response["Error"]
    code = error.get("Code", "Unknown")
    content = {
        "__type": f"com.amazonaws.sqs#{error.get('QueryErrorCode', code)}",
        "message": error.get("Message", ""),
    }
    return _Reply(
        status=response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500),
        content=_to_json(content),
        headers={"x-amzn-query-error": f"{code};{error.get('Type', 'Sender')}"},
    )


# Bytes travel as Base64; among SQS' parameters only a message attribute's BinaryValue has them.


def _with_bytes(value: dict[str, Any]) -> dict[str, Any]:
    binary = value.get("BinaryValue")
    return value | {"BinaryValue": base64.b64decode(binary)} if isinstance(binary, str) else value


def _to_json(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer, default=lambda value: base64.b64encode(value).decode()).encode()
