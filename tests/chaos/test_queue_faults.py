"""The queue's proxy, and its faults one by one, in front of a queue that is a few lines long."""

import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from chaos.faults import queue
from chaos.faults.chance import Chance
from chaos.queue_proxy import Answer, Call, Hook, QueueProxy
from chaos.schedule import Strike

SEND = Call("SendMessageBatch", {"QueueUrl": "http://h/0/q.fifo", "Entries": [{"Id": "0"}]})
RECEIVE = Call("ReceiveMessage", {"QueueUrl": "http://h/0/q.fifo"})


class Emulator(BaseHTTPRequestHandler):
    """Takes every entry; gives the same message again and again."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer a call."""
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        content: dict[str, Any] = {"Messages": [{"MessageId": "m"}]}
        if "Entries" in call:
            done = [
                {"Id": e["Id"], "SequenceNumber": "00000000000000000042"} for e in call["Entries"]
            ]
            content = {"Successful": done, "Failed": []}
        text = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class' name
        """Say nothing."""


@pytest.fixture
def proxy() -> Iterator[QueueProxy]:
    """A proxy in front of the emulator."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Emulator) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        with QueueProxy(int(server.server_address[1])) as proxy:
            yield proxy
        server.shutdown()
        thread.join()


def ask(proxy: QueueProxy, call: Call) -> Answer | None:
    """Call through the proxy; None where it ends the connection."""
    connection = HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    headers = {"X-Amz-Target": f"AmazonSQS.{call.operation}"}
    try:
        connection.request("POST", "/", json.dumps(call.arguments), headers)
        response = connection.getresponse()
        return Answer(response.status, json.loads(response.read()))
    except ConnectionError:
        return None
    finally:
        connection.close()


def test_calls_pass_through(proxy: QueueProxy) -> None:
    """Answers come back; what progress and faults ask for is kept."""
    sent, received = ask(proxy, SEND), ask(proxy, RECEIVE)
    assert sent is not None
    assert sent.content["Successful"][0]["Id"] == "0"
    assert received == Answer(200, {"Messages": [{"MessageId": "m"}]})
    assert proxy.highest_sequence == {"q.fifo": 42}
    assert list(proxy.received["q.fifo"]) == [received]


def test_a_hook_decides(proxy: QueueProxy) -> None:
    """It may answer by itself, or end the connection."""
    proxy.hook = lambda call, _: None if call.operation == "ReceiveMessage" else Answer(503)
    assert ask(proxy, SEND) == Answer(503)
    assert ask(proxy, RECEIVE) is None


def test_a_url_leads_through_the_proxy(proxy: QueueProxy) -> None:
    """Its path stays."""
    assert proxy.url("http://127.0.0.1:1/0/q.fifo") == f"http://127.0.0.1:{proxy.port}/0/q.fifo"


def test_a_proxy_that_is_not_entered_has_no_port() -> None:
    """Nothing is opened before."""
    with pytest.raises(RuntimeError, match="with statement"):
        _ = QueueProxy(1).port


class FakeStage:
    """Keeps the hook of a fault, and calls it while the fault lasts."""

    def __init__(self, *calls: Call) -> None:
        self.queue = QueueProxy(1)
        self.calls = calls
        self.forwarded: list[Call] = []
        self.answers: list[Answer | None] = []

    def pause(self, seconds: float) -> None:
        """Call instead of waiting."""
        assert seconds == 1.0
        hook: Hook = self.queue.hook
        self.answers += [hook(call, self.forward) for call in self.calls]

    def forward(self, call: Call) -> Answer:
        """Take every entry."""
        self.forwarded.append(call)
        entries = call.arguments.get("Entries", [])
        return Answer(200, {"Successful": [{"Id": e["Id"]} for e in entries], "Failed": []})


def strike(fault: str, *calls: Call) -> tuple[FakeStage, int]:
    """Let a fault strike; return what the stage saw, and the hits."""
    stage = FakeStage(*calls)
    hits = queue.FAULTS[fault].blow(stage, Strike(fault, 0.0, 1.0, seed=3))  # type: ignore[arg-type]
    return stage, hits


def test_server_errors_come_before_and_after_the_call_is_carried_out() -> None:
    """Both leave a sender in doubt."""
    stage, hits = strike("SQS answers 5xx", *[SEND] * 200)
    failed = [a for a in stage.answers if a is not None and a.status >= 500]
    assert len(failed) == hits
    assert 200 - hits < len(stage.forwarded) < 200


def test_throttled_calls_are_not_carried_out() -> None:
    """SQS says so by the code."""
    stage, hits = strike("SQS throttles", *[SEND] * 200)
    assert len(stage.forwarded) == 200 - hits
    refused = [a for a in stage.answers if a is not None and a.status == 400]
    assert len(refused) == hits > 50
    assert refused[0].content["__type"].endswith("#RequestThrottled")


def test_lost_answers_are_those_of_calls_carried_out_and_of_lost_ones() -> None:
    """The caller cannot tell."""
    stage, hits = strike("SQS loses answers", *[SEND] * 200)
    assert stage.answers.count(None) == hits > 50
    assert 200 - hits < len(stage.forwarded) < 200


def test_failing_entries_are_carried_out_or_not() -> None:
    """Each entry is answered once."""
    batch = Call("SendMessageBatch", {"Entries": [{"Id": str(n)} for n in range(10)]})
    stage, hits = strike("SQS fails entries", *[batch] * 50)
    failed = carried_out = 0
    for answer in stage.answers:
        assert answer is not None
        ids = [e["Id"] for kind in ("Successful", "Failed") for e in answer.content[kind]]
        assert sorted(ids) == [str(n) for n in range(10)]
        failed += len(answer.content["Failed"])
    carried_out = sum(len(call.arguments["Entries"]) for call in stage.forwarded)
    assert failed == hits
    assert 500 - hits < carried_out < 500


def test_calls_without_entries_pass_while_entries_fail() -> None:
    """Such as a receive."""
    stage, hits = strike("SQS fails entries", *[RECEIVE] * 50)
    assert (len(stage.forwarded), hits) == (50, 0)


def test_only_the_dead_letter_queue_is_away() -> None:
    """Everything to it fails."""
    dead = Call("SendMessageBatch", {"QueueUrl": "http://h/0/q-dead.fifo", "Entries": []})
    stage, hits = strike("dead-letter queue away", *[SEND, dead] * 20)
    assert stage.forwarded == [SEND] * 20
    assert hits == 20
    assert all(answer is None or answer.status >= 500 for answer in stage.answers[1::2])


def test_duplicates_are_answers_that_were_given_before() -> None:
    """Of the same queue."""
    stage = FakeStage(*[RECEIVE, SEND] * 100)
    old = Answer(200, {"Messages": [{"MessageId": "old"}]})
    stage.queue.received["q.fifo"].append(old)
    fault = queue.FAULTS["duplicate and late deliveries"]
    hits = fault.blow(stage, Strike("", 0.0, 1.0, seed=3))  # type: ignore[arg-type]
    assert stage.answers.count(old) == hits > 5
    assert stage.forwarded.count(SEND) == 100


@pytest.mark.parametrize("fault", sorted(queue.FAULTS))
def test_every_fault_heals(fault: str) -> None:
    """The hook is gone when it is over."""
    stage, _ = strike(fault)
    assert stage.queue.hook(RECEIVE, lambda _: Answer(201)) == Answer(201)


def test_chance_counts_its_hits() -> None:
    """Tosses are not counted."""
    chance = Chance(Strike("", 0.0, 1.0, seed=1))
    assert chance.hit()
    assert not chance.hit(0.0)
    assert chance.toss(1.0)
    assert chance.pick([5]) == 5
    assert 1 <= chance.between(1, 2) <= 2
    assert chance.hits == 1
