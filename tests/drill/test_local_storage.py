"""Alternative C: records in local storage, and a second function that scans it."""

import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from drill.alternatives import local_storage
from drill.alternatives.limits import Limits
from drill.alternatives.local_storage import KeepingHandler, Scan, scanning
from drill.alternatives.meter import Meter
from drill.alternatives.spool import FullError, Spool, kept, read
from durable_ingest.testing import LambdaContext, eventually, http_event
from tests.drill.fake_writer import FakeWriter, row

URL = "mysql://a@127.0.0.1/b"


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Give the storage of two environments."""
    both = [tmp_path / "first", tmp_path / "second"]
    for folder in both:
        folder.mkdir()
    return both


def spool(folder: Path, capacity: float = math.inf) -> Spool:
    """Open one."""
    return Spool(folder, capacity=capacity)


def scan(folders: list[Path], writer: FakeWriter) -> Scan:
    """Make one."""
    made = Scan(URL, lambda: folders)
    made._writer = writer
    return made


def test_records_come_back_oldest_first_from_all_environments(folders: list[Path]) -> None:
    """As they were."""
    first, second = map(spool, folders)
    rows = [row("a", 1, 1000), row("b", 1, 999), row("a", 2, 1001), row("a", 3, 1001)]
    for number, record in enumerate(rows):
        (first if number == 1 else second).put(record)
    order = [rows[1], rows[0], rows[2], rows[3]]
    assert [read(file) for file in kept(folders)] == order


def test_a_full_storage_keeps_nothing_more_until_there_is_room(folders: list[Path]) -> None:
    """What the scan has removed is room."""
    small = spool(folders[0], capacity=150)
    small.put(row("a", 1))
    with pytest.raises(FullError):
        small.put(row("a", 2))
    [file] = kept(folders)
    file.unlink()
    small.put(row("a", 3))
    [file] = kept(folders)
    assert read(file) == row("a", 3)


@pytest.mark.parametrize(
    ("refusals", "capacity", "status"), [(0, 500, 200), (1, 500, 202), (1, 10, 503)]
)
def test_a_request_is_answered_by_what_became_of_it(
    folders: list[Path], refusals: int, capacity: float, status: int
) -> None:
    """Written, kept, or neither."""
    handler = KeepingHandler(URL, spool(folders[0], capacity), timeout=1)
    handler._writer = writer = FakeWriter(refusals)
    body = {"customer_id": "a", "revision": 1, "email": "a@example.com", "name": "a"}
    event = http_event(body)
    event["requestContext"]["timeEpoch"] = 1000
    answer: Any = handler(event, LambdaContext())
    assert answer["statusCode"] == status
    assert [read(file) for file in kept(folders)] == ([row("a", 1)] if status == 202 else [])
    assert writer.written == ([[row("a", 1)]] if status == 200 else [])


def test_the_scan_writes_batches_and_removes_what_is_written(
    folders: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oldest first."""
    monkeypatch.setattr(local_storage, "BATCH", 2)
    storage = spool(folders[0])
    for revision in (1, 2, 3):
        storage.put(row("a", revision))
    writer = FakeWriter()
    scan(folders, writer)({}, LambdaContext())
    assert writer.written == [[row("a", 1), row("a", 2)], [row("a", 3)]]
    assert kept(folders) == []


def test_an_outage_ends_the_scan_and_removes_nothing(folders: list[Path]) -> None:
    """The next one finds all."""
    spool(folders[0]).put(row("a", 1))
    writer = FakeWriter(refusals=1)
    again = scan(folders, writer)
    again({}, LambdaContext())
    assert (writer.written, len(kept(folders))) == ([], 1)
    again({}, LambdaContext())
    assert writer.written == [[row("a", 1)]]


def test_a_scan_whose_time_is_over_begins_no_batch(folders: list[Path]) -> None:
    """What is kept stays."""
    spool(folders[0]).put(row("a", 1))
    writer = FakeWriter()
    scan(folders, writer)({}, LambdaContext(0.5))
    assert (writer.written, len(kept(folders))) == ([], 1)


def test_records_of_a_recycled_environment_are_gone(folders: list[Path]) -> None:
    """The scan finds the others'."""
    for number, folder in enumerate(folders, 1):
        spool(folder).put(row("a", number))
    [gone, _] = kept(folders)
    shutil.rmtree(folders[0])
    writer = FakeWriter()
    scan(folders, writer)({}, LambdaContext())
    assert writer.written == [[row("a", 2)]]
    assert read(gone) is None


def test_the_scan_runs_on_a_schedule(folders: list[Path]) -> None:
    """And its time is counted."""
    meter, writer = Meter(), FakeWriter()
    with scanning(scan(folders, writer), meter, Limits(scan_every=0.001)):
        eventually(lambda: meter.invocations > 1)
        spool(folders[1]).put(row("a", 1))
        eventually(lambda: writer.written)
    assert writer.closed == 1
