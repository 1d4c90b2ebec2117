"""Functions that take longer than they may, and are killed in the midst of their work."""

from pathlib import Path

import pytest

from durable_ingest import Enqueuer, Inbox, MySQL
from tests.runtime.functions.contracts import Visit, visits
from tests.runtime.lambda_process import FunctionTimedOutError
from tests.runtime.stage import Stage

pytestmark = [pytest.mark.runtime, pytest.mark.database]
BRIEF = 3


@pytest.mark.parametrize("step", ["model", "apply", "answer"])
def test_acknowledged_messages_outlive_a_time_out(stage: Stage, tmp_path: Path, step: str) -> None:
    """Killed before, within or after its transaction: a fresh environment does each once."""
    stage.database.execute("CREATE TABLE visits (place VARCHAR(20) PRIMARY KEY, times INT)")
    stage.database.execute("INSERT INTO visits VALUES ('here', 0), ('there', 0)")
    Inbox().create(MySQL(stage.database.url))
    hang = tmp_path / "hang"
    drainer = stage.own_function("counting", timeout=BRIEF, HANG_FILE=str(hang))
    enqueuer = Enqueuer(stage.queue.url, visits, client=stage.queue.client)
    enqueuer.enqueue(Visit(place="here"))
    stage.deliver(drainer)
    pid = drainer.pid

    enqueuer.enqueue_many([Visit(place=name) for name in ("here", "there", "here")])
    hang.write_text(step)
    timed_out = stage.deliver(drainer)
    assert isinstance(timed_out.error, FunctionTimedOutError)
    assert timed_out.deleted == ()
    assert len(stage.queue.messages()) == 3

    hang.unlink()
    stage.end_visibility_timeouts(timed_out)
    assert len(stage.deliver(drainer).deleted) == 3
    assert drainer.pid != pid
    assert dict(stage.database.execute("SELECT * FROM visits")) == {"here": 3, "there": 1}
    assert stage.queue.messages() == []
