"""What processes write down can be read, in order, also where one was killed."""

import json
from pathlib import Path

from chaos.facts import read_facts
from chaos.history import Log, read
from chaos.workload import Write
from tests.chaos.story import PLAIN, Story, good


def test_all_parts_are_read_in_order_of_time(tmp_path: Path) -> None:
    """Each line says when, who and what."""
    with Log(tmp_path, "b") as b, Log(tmp_path, "a") as a:
        b.note("first", number=1)
        a.note("second")
        b.note("third")
    events = read(tmp_path)
    assert [(e["who"], e["what"]) for e in events] == [
        ("b", "first"),
        ("a", "second"),
        ("b", "third"),
    ]
    assert events[0]["number"] == 1


def test_a_line_that_a_kill_cut_short_is_left_out(tmp_path: Path) -> None:
    """The lines before it count."""
    with Log(tmp_path, "a") as log:
        log.note("whole")
    with (tmp_path / "a.jsonl").open("a") as file:
        file.write('{"at": 1, "who": "a", "wh')
    assert [event["what"] for event in read(tmp_path)] == ["whole"]


def test_a_log_goes_on_where_it_was(tmp_path: Path) -> None:
    """Nothing is ever overwritten."""
    for number in range(2):
        with Log(tmp_path, "a") as log:
            log.note("opened", number=number)
    lines = (tmp_path / "a.jsonl").read_text().splitlines()
    assert [json.loads(line)["number"] for line in lines] == [0, 1]


def test_a_delivery_ends_with_its_answer() -> None:
    """Held messages are not settled."""
    story, (first, second) = Story(), good(PLAIN, 2)
    story.sends(first, second)
    story.answers("drainer-1", story.given("drainer-1", first, second), second)
    [delivery] = read_facts(story.events).deliveries
    assert delivery.settled == {f"id-{first}"}
    assert (delivery.begin, delivery.end) == (2.0, 3.0)


def test_a_delivery_ends_with_its_process() -> None:
    """Nothing is known to be settled."""
    story, (first,) = Story(), good(PLAIN, 1)
    story.given("drainer-1", first)
    story.given("drainer-2", first)
    story.tell("drainer-1", "timed out")
    story.tell("chaos", "ended", whom="drainer-2")
    ends = [(d.end, d.settled) for d in read_facts(story.events).deliveries]
    assert ends == [(2.0, set()), (3.0, set())]


def test_an_answer_without_held_messages_known_settles_nothing() -> None:
    """The handler raised something else than it should."""
    story, (first,) = Story(), good(PLAIN, 1)
    story.given("drainer-1", first)
    story.tell("drainer-1", "answered", invocation=1, held=None, why="RuntimeError: ?")
    assert read_facts(story.events).deliveries[0].settled == set()


def test_a_message_is_known_from_either_side() -> None:
    """Acknowledged is what has a receipt."""
    story, (first, second) = Story(), good(PLAIN, 2)
    story.sends(first)
    story.drains("drainer-1", second)
    facts = read_facts(story.events)
    assert facts.acknowledged == {f"id-{first}"}
    assert {m.write for m in facts.messages.values()} == {first, second}
    assert facts.by_key()[PLAIN][0].sequence == 100
    assert Write.parse(str(first)) in facts.attempted
