"""What Lambda does between invocations: it freezes the environment, for as long as it likes."""

from collections.abc import Callable

import pytest

from tests.runtime.lambda_process import LambdaProcess
from tests.runtime.stage import Stage, put

pytestmark = [pytest.mark.runtime, pytest.mark.database]


def kill_sessions(stage: Stage) -> None:
    """End the functions' connections at the server."""
    for session in stage.sessions():
        stage.database.execute(f"KILL {session}")


def cut_connections(stage: Stage) -> None:
    """End them on the way."""
    stage.database.kill_connections()


def restart(stage: Stage) -> None:
    """Shut the server down, and start it again."""
    with stage.database.outage(stop=True):
        pass


def nothing(_: Stage) -> None:
    """Leave them alone."""


@pytest.mark.parametrize("happens", [kill_sessions, cut_connections, restart, nothing])
def test_the_thawed_environment_stores(
    stage: Stage, producer: LambdaProcess, happens: Callable[[Stage], None]
) -> None:
    """Whatever became of its connection meanwhile, it holds nothing."""
    drainer = stage.function("drainer.handler")
    put(producer, "c1", 1, "Ada")
    stage.deliver(drainer)
    pid, sessions = drainer.pid, stage.sessions()
    drainer.freeze()
    put(producer, "c1", 2, "Ada Lovelace")
    happens(stage)
    drainer.thaw()
    assert stage.deliver(drainer).answer == {"batchItemFailures": []}
    assert drainer.pid == pid
    assert stage.customers() == {"c1": "Ada Lovelace"}
    assert (stage.sessions() == sessions) == (happens is nothing)
    assert stage.queue.messages() == []
