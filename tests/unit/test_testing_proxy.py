"""The proxy of the testing kernel, in front of a socket that echoes."""

import socket
import threading
from collections.abc import Iterator

import pytest

from durable_ingest.testing import Action, TcpProxy, eventually

HEADER = b"\x03\x00\x00"


@pytest.fixture
def echo() -> Iterator[int]:
    """Give the port of a server that sends back what it reads."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(client,), daemon=True).start()

    def answer(client: socket.socket) -> None:
        with client:
            while piece := client.recv(1000):
                client.sendall(piece)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def dial(proxy: TcpProxy) -> socket.socket:
    """Connect through the proxy."""
    return socket.create_connection(("127.0.0.1", proxy.port), 5.0)


def ask(client: socket.socket, text: bytes) -> bytes:
    """Send, and read the answer; b"" where the connection ended."""
    client.sendall(text)
    return client.recv(1000)


def test_everything_passes_and_is_counted(echo: int) -> None:
    """Without a hook the proxy changes nothing."""
    with TcpProxy(echo, mysql=False) as proxy, dial(proxy) as client:
        assert [ask(client, b"one"), ask(client, b"two")] == [b"one", b"two"]
        assert (proxy.requests, proxy.connections) == ([b"one", b"two"], 1)


def test_a_hook_cuts_before_or_after_the_server(echo: int) -> None:
    """The client sees the end either way; others and new connections go on."""
    actions = {b"before": Action.CUT, b"after": Action.CUT_ANSWER}
    hook = lambda request: actions.get(request, Action.PASS)  # noqa: E731 - one line says it
    with TcpProxy(echo, on_request=hook, mysql=False) as proxy, dial(proxy) as bystander:
        for text in actions:
            with dial(proxy) as client:
                assert ask(client, b"well") == b"well"
                assert ask(client, text) == b""
        assert ask(bystander, b"here") == b"here"


def test_a_held_request_waits_for_the_release(echo: int) -> None:
    """It holds up its own connection alone."""
    hook = lambda request: Action.HOLD if request == b"hold" else Action.PASS  # noqa: E731 - one line says it
    with (
        TcpProxy(echo, on_request=hook, mysql=False) as proxy,
        dial(proxy) as held,
        dial(proxy) as other,
    ):
        held.sendall(b"hold")
        eventually(lambda: b"hold" in proxy.requests)
        assert ask(other, b"pass") == b"pass"
        held.setblocking(False)  # noqa: FBT003 - the standard library's
        with pytest.raises(BlockingIOError):
            held.recv(1)
        held.settimeout(5.0)
        proxy.release()
        assert held.recv(1000) == b"hold"


def test_hold_and_cut_are_for_every_connection(echo: int) -> None:
    """Old and new ones wait while it holds; a cut ends them, and the next one works."""
    with TcpProxy(echo, mysql=False) as proxy, dial(proxy) as old:
        assert ask(old, b"well") == b"well"
        proxy.hold()
        with dial(proxy) as new:
            new.sendall(b"new")
            old.sendall(b"old")
            eventually(lambda: {b"new", b"old"} <= set(proxy.requests))
            proxy.release()
            assert (new.recv(1000), old.recv(1000)) == (b"new", b"old")
        proxy.cut()
        assert old.recv(1000) == b""
        with dial(proxy) as client:
            assert ask(client, b"well") == b"well"


def test_mysql_commands_are_told_from_log_in_and_continuation(echo: int) -> None:
    """Packets may come in pieces or together; those with a sequence id other than 0 start none."""
    with TcpProxy(echo) as proxy, dial(proxy) as client:
        assert ask(client, HEADER + b"\x01log") == HEADER + b"\x01log"
        client.sendall(HEADER + b"\x00on")
        sent = HEADER + b"\x00on" + b"e" + HEADER + b"\x00two" + HEADER + b"\x01mor"
        client.sendall(b"e" + HEADER + b"\x00two" + HEADER + b"\x01mor")
        got = b""
        while len(got) < len(sent):
            got += client.recv(1000)
        assert got == sent
        assert proxy.requests == [b"one", b"two"]


def test_tls_is_passed_on_unread(echo: int) -> None:
    """After the request for it, whatever it looks like."""
    with TcpProxy(echo) as proxy, dial(proxy) as client:
        start = b"\x20\x00\x00\x01" + bytes(32)
        assert ask(client, start) == start
        assert ask(client, HEADER + b"\x00one") == HEADER + b"\x00one"
        assert proxy.requests == []


def test_a_server_that_is_down_ends_the_connection(echo: int) -> None:
    """The client gets no answer; the proxy goes on, and can be entered again."""
    proxy = TcpProxy(1, mysql=False)
    for upstream, answer in ((1, b""), (echo, b"well")):
        proxy.upstream = ("127.0.0.1", upstream)
        with proxy, dial(proxy) as client:
            try:
                assert ask(client, b"well") == answer
            except ConnectionError:
                assert answer == b""


def test_a_proxy_that_is_not_entered_has_no_port() -> None:
    """The mistake is named."""
    with pytest.raises(RuntimeError, match="not open"):
        _ = TcpProxy(1).port
