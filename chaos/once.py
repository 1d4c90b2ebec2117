"""Exactly once: what an inbox promises of a key's effects.

Each message's write has its effect once, in the order of the queue: of a write that came into the
queue twice, the first message counts.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from chaos.facts import Facts, Message
from chaos.verdict import Stored, Violation
from chaos.workload import TABLES_WITH_INBOX, Content, Write, content, refusal


def check_effects(seed: int, facts: Facts, stored: Stored) -> Iterable[Violation]:
    """Compare effects, counters and what the inboxes remember with the messages."""
    by_key = facts.by_key()
    for key in sorted(by_key.keys() | stored.rows.keys() | stored.effects.keys()):
        table = Write(key, 0).table
        if table not in TABLES_WITH_INBOX:
            continue
        good = [m for m in by_key.get(key, []) if not refusal(seed, m.write)]
        if table == "ledger":
            effects = stored.effects.get(key, [])
            yield from _check_ledger(seed, key, effects, stored.counters.get(key, (0, 0)))
            yield from _check_once(key, good, [effect.n for effect in effects])
        else:
            steps = stored.journal.get(key, [])
            yield from _check_once(key, good, [step.n for step in steps])
            row = stored.rows.get(key)
            if row and (row.n != steps[-1].n or row != content(seed, Write(key, row.n))):
                yield Violation("altered", key, "the row is not the last one that was written")
    yield from _check_inboxes(seed, facts, stored)


def _check_ledger(
    seed: int, key: str, effects: Sequence[Content], counter: tuple[int, int]
) -> Iterable[Violation]:
    if any(effect != content(seed, Write(key, effect.n)) for effect in effects):
        yield Violation("altered", key, "an effect is not what was sent")
    expected = (len(effects), sum(effect.amount for effect in effects))
    if counter != expected:
        what = f"it counts {counter[0]} effects of {counter[1]}, and there are {expected}"
        yield Violation("doubled" if counter > expected else "lost", key, what)


def _check_once(
    key: str, messages: Sequence[Message], effects: Sequence[int]
) -> Iterable[Violation]:
    first: dict[int, int] = {}
    for message in messages:
        n = message.write.n
        first[n] = min(first.get(n, message.sequence), message.sequence)
    times = Counter(effects)
    for n in sorted(first.keys() - times.keys()):
        yield Violation("lost", key, f"{Write(key, n)} had no effect")
    for n in sorted(times.keys() - first.keys()):
        yield Violation("altered", key, f"{Write(key, n)} was not in the queue, and had an effect")
    for n, count in sorted(times.items()):
        if count > 1:
            yield Violation("doubled", key, f"{Write(key, n)} had {count} effects")
    order = [first[n] for n in effects if n in first]
    if any(earlier > later for earlier, later in pairwise(order)):
        yield Violation("older", key, f"its effects are not in the queue's order: {effects}")


def _check_inboxes(seed: int, facts: Facts, stored: Stored) -> Iterable[Violation]:
    settled: dict[str, Write] = {}
    for message in facts.messages.values():
        if message.write.table in TABLES_WITH_INBOX and not refusal(seed, message.write):
            settled[message.identity] = message.write
    for identity in sorted(settled.keys() - stored.remembered):
        write = settled[identity]
        yield Violation("lost", write.key, f"the inbox does not remember {write}")
    for identity in sorted(stored.remembered - settled.keys()):
        yield Violation("altered", "", f"the inbox remembers {identity}, which had no effect")
