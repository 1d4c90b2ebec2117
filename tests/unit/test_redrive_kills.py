"""A redrive that is killed anywhere, and run again, loses nothing and sends nothing out of turn."""

import itertools

import pytest

from durable_ingest.reading import Outcome
from tests.letters_kit import DyingClient, Killed, PausingClient, Post

GROUPS = 3
EACH = 2
CALLS = 26
"""More calls than an undisturbed run makes."""


def rejected() -> Post:
    """Let letters lie there, in the order of their groups."""
    post = Post()
    for number in range(GROUPS * EACH):
        post.reject("sequence", number, group=f"g{number % GROUPS}")
    return post


def killed(at: int, how: str) -> tuple[Post, DyingClient]:
    """Run once, disturbed."""
    post = rejected()
    client = DyingClient(post.client, at, how)
    try:
        post.redrive(client)
    except Killed:
        assert how != "lost"
    return post, client


def all_sent(post: Post) -> Outcome:
    """Run until nothing is left: at once, then when everything is visible again."""
    outcome = post.redrive()
    if not outcome.is_complete:
        post.clock.elapsed += 130
        outcome = post.redrive()
    assert outcome.is_complete
    assert post.dead() == []
    return outcome


def in_order(items: list[int]) -> bool:
    """Say whether each group's first copies came in its order."""
    first = list(dict.fromkeys(items))
    return all(
        [n for n in first if n % GROUPS == group] == [*range(group, GROUPS * EACH, GROUPS)]
        for group in range(GROUPS)
    )


def test_an_undisturbed_run_makes_fewer_calls() -> None:
    """So that each of them is disturbed."""
    post, client = killed(10_000, "before")
    assert sorted(post.items()) == [*range(GROUPS * EACH)]
    assert in_order(post.items())
    assert {"get_queue_attributes", "receive_message", "send_message_batch"} < set(client.calls)
    assert len(client.calls) < CALLS


@pytest.mark.parametrize("how", ["before", "after", "lost"])
@pytest.mark.parametrize("wait", [0, 130, 660])
def test_a_killed_run_is_run_again(how: str, wait: int) -> None:
    """Nothing is lost or out of turn; within five minutes nothing is sent twice either."""
    for at in range(CALLS):
        post, client = killed(at, how)
        post.clock.elapsed += wait
        all_sent(post)
        items = post.items()
        assert set(items) == {*range(GROUPS * EACH)}, (at, client.calls)
        assert in_order(items), (at, client.calls)
        if wait < 300:
            assert len(items) == GROUPS * EACH, (at, client.calls)
        identities = {one.attributes["ingest.dedup"]["StringValue"] for one in post.queued()}
        assert len(identities) == GROUPS * EACH


def test_a_lost_answer_needs_no_second_run() -> None:
    """SQS is asked again, with the same ids."""
    for at in range(CALLS):
        post, client = killed(at, "lost")
        assert sorted(post.items()) == [*range(GROUPS * EACH)], (at, client.calls)


def test_what_is_killed_is_hidden_for_two_minutes() -> None:
    """And a run meanwhile says that it has not seen all."""
    post, _ = killed(4, "before")
    hidden = [one for one in post.dead() if one.in_flight]
    assert hidden
    outcome = post.redrive()
    assert not outcome.is_complete
    assert outcome.hidden == outcome.unseen == len(hidden)
    post.clock.elapsed += 120
    assert post.redrive().is_complete


@pytest.mark.parametrize("pause", [0, 100, 130, 660])
def test_a_run_that_stands_still_while_another_runs(pause: int) -> None:
    """What it had in hand may be the other's by then: it sends nothing out of turn."""
    for at in range(CALLS):
        post = rejected()

        def meanwhile(post: Post = post) -> None:
            post.clock.elapsed += pause
            post.redrive()

        post.redrive(PausingClient(post.client, at, meanwhile))
        post.clock.elapsed += 130
        all_sent(post)
        items = post.items()
        assert set(items) == {*range(GROUPS * EACH)}, at
        assert in_order(items), at
        if pause < 300:
            assert len(items) == GROUPS * EACH, at


@pytest.mark.parametrize("how", ["before", "after"])
def test_killed_twice(how: str) -> None:
    """Each time anywhere."""
    for first, second in itertools.product(range(2, CALLS, 3), repeat=2):
        post, _ = killed(first, how)
        post.clock.elapsed += 660
        try:
            post.redrive(DyingClient(post.client, second, how))
        except Killed:
            post.clock.elapsed += 660
        all_sent(post)
        assert in_order(post.items())
        assert set(post.items()) == {*range(GROUPS * EACH)}
