"""Which database server the tests get, and why.

`python -m durable_ingest.testing.provisioning` says which one it would be: exit status 0, or 3 and
what would have to be there.
"""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from durable_ingest.testing import containers, processes
from durable_ingest.testing.leased import LeasedServer
from durable_ingest.testing.servers import ControlledServer, DatabaseServer, GivenServer

URL = "DURABLE_INGEST_TEST_MYSQL_URL"
ADMIN_URL = "DURABLE_INGEST_TEST_MYSQL_ADMIN_URL"
IMAGE = "DURABLE_INGEST_TEST_MYSQL_IMAGE"
SERVER = "DURABLE_INGEST_TEST_SERVER"
EXIT_NONE = 3


class NoDatabaseServerError(RuntimeError):
    """No way to a database server is open; the text lists all ways and what each lacks."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to a server: what it is, why it is closed (empty: it is open), how to take it."""

    name: str
    refusal: str
    take: Callable[[], DatabaseServer]


def provision(*, control: bool = True) -> DatabaseServer:
    """Give a running server; its `close()` is the caller's duty.

    Args:
        control: it must be one that can be stopped and killed. One that is given by its URL is
            then only taken away from its clients (see `LeasedServer`).

    Raises:
        NoDatabaseServerError: none can be had.
    """
    return choose(control=control).take()


def choose(*, control: bool = True) -> Way:
    """Find the first open way.

    Raises:
        NoDatabaseServerError: all are closed.
    """
    closed = []
    for way in _ways(control=control):
        if not way.refusal:
            return way
        closed.append(f"  - {way.name}: {way.refusal}")
    message = "\n".join(["no MySQL or MariaDB to test with; any of these would do:", *closed])
    raise NoDatabaseServerError(message)


def _ways(*, control: bool) -> Iterator[Way]:
    forced = os.environ.get(SERVER, "")
    if forced not in {"", "container", "process"}:
        message = f"{SERVER} is 'container', 'process' or not set, not {forced!r}"
        raise ValueError(message)
    ways = {"given": lambda: _given(control=control), "container": _container, "process": _process}
    for kind, way in ways.items():
        if forced in {"", kind}:
            yield way()


def _given(*, control: bool) -> Way:
    url = os.environ.get(URL, "")
    kind = LeasedServer if control else GivenServer
    return Way(
        name=f"a server that runs already, its URL in {URL}",
        refusal="" if url else "it is not set",
        take=lambda: kind(url, os.environ.get(ADMIN_URL)),
    )


def _container() -> Way:
    image, refusal = "", containers.why_no_docker()
    if not refusal:
        image, refusal = containers.find_image(os.environ.get(IMAGE))
    return Way(
        name=f"a container of {image}" if image else f"a container (Docker; image in {IMAGE})",
        refusal=refusal,
        take=lambda: _started(containers.ContainerServer(image)),
    )


def _process() -> Way:
    refusal = processes.why_not()
    program = processes.find("mysqld", "mariadbd")
    install = "apt-get install mariadb-server-core mariadb-client-core"
    return Way(
        name=f"a process ({install})" if refusal else f"a process of {program}",
        refusal=refusal,
        take=lambda: _started(processes.ProcessServer()),
    )


def _started(server: ControlledServer) -> ControlledServer:
    """Start it; one that does not start leaves nothing behind."""
    return server.__enter__()


def main() -> int:
    """Say which way would be taken by tests that stop the server."""
    try:
        way = choose()
    except NoDatabaseServerError as error:
        sys.stdout.write(f"{error}\n")
        return EXIT_NONE
    sys.stdout.write(f"{way.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
