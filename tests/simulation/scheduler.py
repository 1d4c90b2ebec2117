"""Virtual time, and threads of which one runs at a time, in an order that a seed decides."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random
from threading import Lock, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

EPOCH = 1_700_000_000.0
"""The wall clock's time when a schedule begins."""


class KilledError(BaseException):
    """SIGKILL: the thread is unwound, and what it still tries has no effect."""


@dataclass(slots=True)
class Event:
    """Something that happens at a moment, unless it is called off."""

    action: Callable[[], Actor | None]
    called_off: bool = False


@dataclass(slots=True)
class Actor:
    """A thread that holds the baton now and then."""

    name: str
    baton: Lock = field(default_factory=Lock)
    waking: Event | None = None
    killed: bool = False

    def __post_init__(self) -> None:
        self.baton.acquire()


class Scheduler:
    """Runs actors and events one after the other; time jumps from one to the next.

    Args:
        seed: decides all that is drawn from `random`.
        most_events: a schedule that takes more is stuck.
    """

    def __init__(self, seed: int, most_events: int = 200_000) -> None:
        self.random = Random(seed)  # noqa: S311 - repeats on purpose
        self.now = 0.0
        self.failure: BaseException | None = None
        self._events: list[tuple[float, int, Event]] = []
        self._order = itertools.count()
        self._left = most_events
        self._main = Actor("main")
        self._actors: list[Actor] = []
        self.current = self._main

    def at(self, moment: float, action: Callable[[], Actor | None]) -> Event:
        """Let something happen at a moment. It may give the actor that goes on then."""
        event = Event(action)
        heappush(self._events, (max(moment, self.now), next(self._order), event))
        return event

    def after(self, seconds: float, action: Callable[[], None]) -> Event:
        """Let something happen in a while."""
        return self.at(self.now + seconds, action)

    def spawn(self, name: str, body: Callable[[], None], delay: float = 0.0) -> Actor:
        """Start an actor."""
        actor = Actor(name)
        self._actors.append(actor)

        def run() -> None:
            actor.baton.acquire()
            self.current = actor
            try:
                if not actor.killed:
                    body()
            except KilledError:
                pass
            except BaseException as error:  # noqa: BLE001 - raised again by `run`
                self.failure = self.failure or error
            self._actors.remove(actor)
            self._next().baton.release()

        Thread(target=run, name=name, daemon=True).start()
        self.at(self.now + delay, lambda: actor)
        return actor

    def park(self, until: float) -> None:
        """Let the others go on until a moment, or until somebody wakes this actor.

        Raises:
            KilledError: somebody killed it.
        """
        actor = self.current
        if actor.killed:
            raise KilledError
        actor.waking = self.at(until, lambda: actor)
        self._pass_on(actor)
        if actor.killed:
            raise KilledError

    def sleep(self, seconds: float) -> None:
        """Let the others go on for a while."""
        self.park(self.now + max(seconds, 0.0))

    def wake(self, actor: Actor) -> None:
        """End an actor's wait; nothing if it does not wait."""
        if actor.waking is not None and not actor.waking.called_off:
            actor.waking.called_off = True
            actor.waking = self.at(self.now, lambda: actor)

    def kill(self, actor: Actor) -> None:
        """Unwind an actor where it waits."""
        actor.killed = True
        self.wake(actor)

    def run(self) -> None:
        """Run until nothing is left to happen.

        Raises:
            BaseException: what an actor or an event raised.
        """
        self._pass_on(self._main)
        for actor in list(self._actors):
            actor.killed = True
            self._events.clear()
            self.at(self.now, lambda actor=actor: actor)  # type: ignore[misc]
            self._pass_on(self._main)
        if self.failure is not None:
            raise self.failure

    def _pass_on(self, actor: Actor) -> None:
        following = self._next()
        if following is not actor:
            following.baton.release()
            actor.baton.acquire()
        actor.waking = None
        self.current = actor

    def _next(self) -> Actor:
        """Let events happen until one gives an actor to go on with."""
        while self._events and self.failure is None:
            moment, _, event = heappop(self._events)
            if event.called_off:
                continue
            self.now = moment
            self._left -= 1
            if self._left < 0:
                self.failure = TimeoutError("the schedule does not come to its end")
                break
            try:
                following = event.action()
            except Exception as error:  # noqa: BLE001 - raised again by `run`
                self.failure = error
                break
            if following is not None:
                return following
        return self._main


class VirtualTime:
    """Implements `Clock` for what runs in a scheduler's actors."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._numbers = itertools.count(1)

    def monotonic(self) -> float:
        """Seconds since the schedule began."""
        return self._scheduler.now

    def now(self) -> float:
        """Seconds since 1970."""
        return EPOCH + self._scheduler.now

    def sleep(self, seconds: float) -> None:
        """Let the others go on."""
        self._scheduler.sleep(seconds)

    def jitter(self) -> float:
        """Draw from the seed."""
        return self._scheduler.random.random()

    def unique(self) -> str:
        """Count."""
        return f"unique-{next(self._numbers)}"
