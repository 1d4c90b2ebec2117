"""The history that is printed of a violated key: its own events, and the faults that met them."""

from chaos.telling import MOST_KEYS, tell
from chaos.verdict import Violation
from tests.chaos.story import LEDGER, PLAIN, Story, good

LOST = [Violation("lost", PLAIN, "it is gone")]


def test_only_the_keys_own_events_are_told() -> None:
    """From all processes, in order of time."""
    story, (mine,), (other,) = Story(), good(PLAIN, 1), good(LEDGER, 1)
    story.sends(mine, other)
    story.drains("drainer-1", other)
    story.drains("drainer-2", mine, other)
    lines = tell(story.events, LOST)
    assert lines[0] == f"lost: {PLAIN}: it is gone"
    assert [line.split()[1:3] for line in lines[1:]] == [
        ["producer-0", "send"],
        ["producer-0", "sent"],
        ["drainer-2", "given"],
        ["drainer-2", "answered"],
    ]
    assert str(other) not in "\n".join(lines)


def test_faults_are_told_where_they_met_the_key() -> None:
    """Not those before and after."""
    story, (mine,) = Story(), good(PLAIN, 1)
    for name in ("before", "meanwhile", "after"):
        story.tell("chaos", "fault", fault=name)
        if name == "meanwhile":
            number = story.given("drainer-1", mine)
        story.tell("chaos", "healed", fault=name)
        if name == "meanwhile":
            story.answers("drainer-1", number)
    text = "\n".join(tell(story.events, LOST))
    assert "meanwhile, until" in text
    assert "before" not in text
    assert "after," not in text


def test_the_end_of_a_process_is_told() -> None:
    """As its parent saw it."""
    story, (mine,) = Story(), good(PLAIN, 1)
    story.given("drainer-1", mine)
    story.tell("chaos", "SIGKILL", whom="drainer-1")
    story.tell("chaos", "ended", whom="drainer-1")
    story.tell("chaos", "ended", whom="drainer-2")
    lines = tell(story.events, LOST)
    assert [line.split()[1:] for line in lines[2:]] == [
        ["SIGKILL", "to", "drainer-1"],
        ["drainer-1", "ended", '{"whom":', '"drainer-1"}'],
    ]


def test_few_keys_are_told() -> None:
    """A run that fails as a whole would fill the screen."""
    story = Story()
    found = [Violation("lost", f"0-plain-{n:04d}-0", "?") for n in range(10)]
    assert len(tell(story.events, found)) == MOST_KEYS
    assert tell(story.events, []) == []
