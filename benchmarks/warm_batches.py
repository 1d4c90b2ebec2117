"""A batch of ten into MySQL on a warm connection, with a network that takes its time."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Any, Final

from benchmarks.children import delayed
from benchmarks.claims import Claim
from benchmarks.report import Section, figure, times
from benchmarks.samples import Prepare, Samples, alternate
from benchmarks.writers import BARE, BATCH, ROW, WRITERS, Handler
from benchmarks.writes import TEN, batch, create_table, event
from durable_ingest.testing import TcpProxy
from durable_ingest.testing.connection import Address, connect

TITLE: Final = "A warm batch of ten"
DELAYS: Final = (0.0, 1.0, 5.0)
"""Milliseconds added to each request."""
PING: Final = "round trip"
"""An empty request and its answer."""
GUARDS: Final = ("sequence", "version")
ONE_MS: Final = 1.0
NOTE: Final = (
    "Times are those of the bare statement at the same delay, and medians in ms. Requests are what"
    " the server is asked in one batch. CPU is this process' time for a message, with no delay."
)


def measure(url: str, rounds: int) -> Section:
    """Time all writers at each delay.

    Args:
        url: an empty database.
        rounds: batches of each writer at each delay.
    """
    taken = {delay: _at(url, delay, rounds) for delay in DELAYS}
    return section(taken, {name: _requests(url, name) for name in WRITERS})


def _at(url: str, delay: float, rounds: int) -> dict[str, Samples]:
    create_table(url)
    with ExitStack() as stack:
        through = stack.enter_context(delayed(url, delay))
        connection: Any = stack.enter_context(closing(connect(through)))
        candidates: dict[str, Prepare] = {PING: lambda _: connection.ping}
        for place, (name, make) in enumerate(WRITERS.items()):
            candidates[name] = _batches(make(through, stack), place)
        return alternate(candidates, rounds)


def _batches(handle: Handler, place: int) -> Prepare:
    """Give a writer batches of its own: what another has just written would change nothing."""

    def prepare(number: int) -> Callable[[], object]:
        given = event(batch(number * len(WRITERS) + place))
        return lambda: handle(given)

    return prepare


def _requests(url: str, name: str) -> int:
    """Count what a warm batch asks the server."""
    address = Address.parse(url)
    with ExitStack() as stack:
        proxy = stack.enter_context(TcpProxy(address.port, address.host, without_tls=True))
        handle = WRITERS[name](proxy.url(url), stack)
        handle(event(batch(0)))
        proxy.requests.clear()
        handle(event(batch(1)))
        return len(proxy.requests)


def section(taken: dict[float, dict[str, Samples]], requests: dict[str, int]) -> Section:
    """Make rows and claims of the samples of each delay."""
    delays = list(taken)
    rows = []
    for name, count in requests.items():
        ratios = [times(taken[ms][name].typical / taken[ms][BARE].typical) for ms in delays]
        spent = [figure(taken[ms][name].typical * 1e3) for ms in delays]
        cpu = taken[0][name].typical_cpu
        cpu_ratio = times(cpu / taken[0][BARE].typical_cpu)
        rows.append([name, *ratios, cpu_ratio, *spent, str(count), figure(cpu * 1e6 / TEN)])
    pings = [figure(taken[ms][PING].typical * 1e3) for ms in delays]
    rows.append([f"({PING})", *[""] * (len(delays) + 1), *pings, "1", ""])
    headings = [
        "ten messages",
        *(f"at {ms:g} ms" for ms in delays),
        "CPU",
        *(f"ms, at {ms:g} ms" for ms in delays),
        "requests",
        "CPU, µs a message",
    ]
    data = {f"{ms:g} ms": {n: s.as_json() for n, s in taken[ms].items()} for ms in delays}
    claims = _claims(taken)
    return Section(TITLE, headings, rows, claims, data | {"requests": requests}, NOTE)


def _claims(taken: dict[float, dict[str, Samples]]) -> list[Claim]:
    claims = []
    if ONE_MS in taken:
        at = {name: samples.typical for name, samples in taken[ONE_MS].items()}
        for guard in GUARDS:
            by_row, by_batch = at[ROW] / at[guard], at[BATCH] / at[guard]
            claims += [
                Claim(f"at 1 ms: {ROW} / `{guard}`", by_row, 12, at_least=True),
                Claim(f"at 1 ms: {BATCH} / `{guard}`", by_batch, 4, at_least=True),
                Claim(f"at 1 ms: `{guard}` / {BARE}", at[guard] / at[BARE], 1.2),
            ]
    cpu = {name: samples.typical_cpu for name, samples in taken[0].items()}
    claims += [Claim(f"CPU: `{guard}` / {BARE}", cpu[guard] / cpu[BARE], 1.2) for guard in GUARDS]
    return claims
