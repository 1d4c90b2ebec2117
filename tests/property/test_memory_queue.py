"""Whatever is done to the queue in memory, it does as a queue that is written to be read."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from durable_ingest.testing import MemoryQueueService
from tests.virtual_clock import VirtualClock

RETENTION = 600
VISIBILITY = 30
MAX_RECEIVES = 3
IN_FLIGHT = 5
LOOK_AHEAD = 6


@dataclass
class Letter:
    """A message of the model."""

    body: str
    group: str
    sent_at: float
    receives: int = 0
    hidden_until: float = 0.0
    handle: str = ""
    found: bool = False


@dataclass
class Model:
    """A FIFO queue as a list, gone through for every question."""

    now: float = 0.0
    letters: list[Letter] = field(default_factory=list)
    ids: dict[str, float] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=dict)
    fates: Counter[str] = field(default_factory=Counter)

    def wait(self, seconds: float) -> None:
        """Let time pass: what is too old is gone."""
        self.now += seconds
        fresh = [letter for letter in self.letters if letter.sent_at + RETENTION > self.now]
        self.fates["expired"] += len(self.letters) - len(fresh)
        self.letters = fresh

    def send(self, body: str, group: str, dedup_id: str) -> None:
        """Store, unless the id was stored in the last five minutes."""
        if self.now < self.ids.get(dedup_id, -1.0) + 300 and dedup_id in self.ids:
            self.fates["duplicates"] += 1
            return
        self.ids[dedup_id] = self.now
        self.letters.append(Letter(body, group, self.now))
        self.fates["stored"] += 1

    def in_flight(self, letter: Letter) -> bool:
        """Say whether a message is hidden."""
        return letter.hidden_until > self.now

    def look(self) -> None:
        """Find the first messages of the queue."""
        for letter in self.letters:
            letter.found |= sum(other.found for other in self.letters) < LOOK_AHEAD

    def head(self) -> list[Letter]:
        """Give the free group whose first message is the oldest, as far as it is found."""
        self.look()
        locked = {letter.group for letter in self.letters if self.in_flight(letter)}
        found = [e for e in self.letters if e.found and e.group not in locked]
        return [letter for letter in found if letter.group == found[0].group]

    def receive(self, most: int, timeout: int) -> list[Letter]:
        """Take messages; those that were received too often go."""
        taken: list[Letter] = []
        most = min(most, IN_FLIGHT - sum(map(self.in_flight, self.letters)))
        while len(taken) < most and (head := self.head()):
            head = head[: most - len(taken)]
            dead = [letter for letter in head if letter.receives >= MAX_RECEIVES]
            self.letters = [letter for letter in self.letters if letter not in dead]
            self.fates["dead"] += len(dead)
            for letter in [] if dead else head:
                letter.receives += 1
                letter.hidden_until = self.now + (timeout or 0.5)
                taken.append(letter)
        if not timeout:
            for letter in taken:
                letter.hidden_until = self.now
        return taken

    def held(self, handle: str) -> Letter | None:
        """Find the message in flight that a handle is good for."""
        return next((e for e in self.letters if e.handle == handle and self.in_flight(e)), None)

    def delete(self, handle: str) -> bool:
        """Delete; False where it is refused."""
        letter = self.held(handle)
        if letter is None:
            return self.spent.get(handle, 0.0) > self.now
        self.spent[handle] = letter.hidden_until
        self.letters.remove(letter)
        self.fates["deleted"] += 1
        return True

    def hide(self, handle: str, timeout: int) -> bool:
        """Change a visibility timeout; False where it is refused."""
        letter = self.held(handle)
        if letter is not None:
            letter.hidden_until = self.now + timeout
        return letter is not None


class Pair:
    """The queue and its model, told the same."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.service = MemoryQueueService(
            self.clock.now, in_flight_limit=IN_FLIGHT, look_ahead=LOOK_AHEAD
        )
        self.client: Any = self.service.client()
        self.queue = self.service.create_queue(
            "queue",
            retention=RETENTION,
            visibility_timeout=VISIBILITY,
            max_receive_count=MAX_RECEIVES,
        )
        self.model = Model()
        self.handles: list[str] = []
        self.sequences: list[int] = []

    def do(self, step: tuple[Any, ...]) -> None:
        """Carry out a step on both and compare."""
        getattr(self, step[0])(*step[1:])

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.clock.sleep(seconds)
        self.model.wait(seconds)

    def send(self, group: str, dedup_id: int) -> None:
        """Send a message; a dedup id of 0 is a fresh one."""
        body = str(len(self.sequences))
        dedup = f"d{dedup_id}" if dedup_id else f"fresh-{body}"
        answer = self.client.send_message(
            QueueUrl=self.queue.url,
            MessageBody=body,
            MessageGroupId=group,
            MessageDeduplicationId=dedup,
        )
        self.sequences.append(int(answer["SequenceNumber"]))
        self.model.send(body, group, dedup)

    def receive(self, most: int, timeout: int) -> None:
        """Both give the same messages, in order, received as often."""
        messages = self.client.receive_message(
            QueueUrl=self.queue.url,
            MaxNumberOfMessages=most,
            VisibilityTimeout=timeout,
            AttributeNames=["ApproximateReceiveCount"],
        ).get("Messages", [])
        letters = self.model.receive(most, timeout)
        assert [(m["Body"], int(m["Attributes"]["ApproximateReceiveCount"])) for m in messages] == [
            (letter.body, letter.receives) for letter in letters
        ]
        for message, letter in zip(messages, letters, strict=True):
            letter.handle = message["ReceiptHandle"]
            self.handles.append(letter.handle)

    def delete(self, place: int) -> None:
        """Both accept or refuse."""
        if self.handles:
            handle = self.handles[-1 - place % len(self.handles)]
            arguments = {"QueueUrl": self.queue.url, "ReceiptHandle": handle}
            assert succeeds(self.client.delete_message, arguments) == self.model.delete(handle)

    def hide(self, place: int, timeout: int) -> None:
        """Both accept or refuse."""
        if self.handles:
            handle = self.handles[-1 - place % len(self.handles)]
            arguments = {
                "QueueUrl": self.queue.url,
                "ReceiptHandle": handle,
                "VisibilityTimeout": timeout,
            }
            done = succeeds(self.client.change_message_visibility, arguments)
            assert done == self.model.hide(handle, timeout)

    def check(self) -> None:
        """Nothing is lost: each message stored is deleted, dead, expired or present."""
        tally = self.service.tally(self.queue.url)
        fates = self.model.fates
        assert tally.stored == tally.deleted + tally.dead + tally.expired + tally.present
        for name in ("stored", "duplicates", "deleted", "dead", "expired"):
            assert getattr(tally, name) == fates[name], name
        stored = self.service.stored(self.queue.url)
        assert [(m.body, m.in_flight) for m in stored] == [
            (letter.body, self.model.in_flight(letter)) for letter in self.model.letters
        ]
        assert self.queue.dead_letter_url
        dead = self.service.tally(self.queue.dead_letter_url)
        assert dead.stored == tally.dead
        new = sorted(set(self.sequences))
        assert list(dict.fromkeys(self.sequences)) == new


def succeeds(method: Any, arguments: dict[str, Any]) -> bool:  # noqa: ANN401
    """Say whether a call is accepted."""
    try:
        method(**arguments)
    except ClientError:
        return False
    return True


_places = st.integers(0, 6)
_steps = st.one_of(
    st.tuples(st.just("send"), st.sampled_from("abcd"), st.sampled_from([0, 0, 0, 1, 2])),
    st.tuples(st.just("send"), st.sampled_from("abcd"), st.just(0)),
    st.tuples(st.just("receive"), st.integers(1, 10), st.sampled_from([0, 10, 30, 100])),
    st.tuples(st.just("delete"), _places),
    st.tuples(st.just("hide"), _places, st.sampled_from([0, 5, 60])),
    st.tuples(st.just("wait"), st.sampled_from([1, 5, 10, 29, 30, 100, 299])),
)


@settings(max_examples=200)
@given(st.lists(_steps, max_size=60))
def test_it_does_as_the_model_does(steps: list[tuple[Any, ...]]) -> None:
    """Order, locks, deduplication, retention, moves, handles; and no message is lost."""
    pair = Pair()
    for step in steps:
        pair.do(step)
        pair.check()


@settings(max_examples=200)
@given(st.lists(_steps, max_size=60), st.data())
def test_a_consumer_that_settles_in_order_sees_each_group_in_order(
    steps: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    """Each message once, whatever is sent and however the time passes meanwhile."""
    pair = Pair()
    seen: dict[str, list[int]] = {group: [] for group in "abcd"}
    for step in (step for step in steps if step[0] in ("send", "wait")):
        pair.do(step)
        if data.draw(st.booleans()):
            take(pair, seen)
    while take(pair, seen):
        pass
    for bodies in seen.values():
        assert bodies == sorted(set(bodies))
    tally = pair.service.tally(pair.queue.url)
    assert tally.stored == sum(map(len, seen.values())) + tally.expired


def take(pair: Pair, seen: dict[str, list[int]]) -> bool:
    """Receive and delete a batch; False where the queue is empty."""
    answer = pair.client.receive_message(
        QueueUrl=pair.queue.url, MaxNumberOfMessages=3, AttributeNames=["MessageGroupId"]
    )
    for message in answer.get("Messages", []):
        seen[message["Attributes"]["MessageGroupId"]].append(int(message["Body"]))
        pair.client.delete_message(QueueUrl=pair.queue.url, ReceiptHandle=message["ReceiptHandle"])
    return "Messages" in answer
