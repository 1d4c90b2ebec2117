"""Drainer.poll with real threads, boto3's clients and a real database."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from durable_ingest import Drainer, MySQL
from durable_ingest.cli.commands import cli
from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.errors import ContractError, MisconfiguredError
from durable_ingest.report import PollReport
from durable_ingest.testing import MemoryQueueServer, QueuePair, eventually
from durable_ingest.testing.environment import AWS
from durable_ingest.testing.waiting import free_port
from tests.contract import drainer_kit as kit
from tests.contract.drainer_kit import PROMPT, World, item

pytestmark = [pytest.mark.database, pytest.mark.queue]
desk = kit.desk_fixture
world = kit.world_fixture

MODULE = """
import os
from pydantic import BaseModel
from durable_ingest import Drainer, MySQL, Table

class Item(BaseModel):
    item_id: int
    note: str
    revision: int

mysql = MySQL(os.environ["DURABLE_INGEST_MYSQL_URL"], ssl_mode="DISABLED")
drainer = Drainer(mysql, Table("items", Item, key="item_id"))
nothing = 1
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryQueueServer]:
    """Serve the strict queue in memory, whose long polls really wait."""
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    never = threading.Event()
    with MemoryQueueServer(
        SYSTEM_CLOCK.now, wait=lambda seconds: never.wait(min(seconds, 0.05))
    ) as made:
        yield made


def send(server: MemoryQueueServer, queue: QueuePair, count: int, keys: int) -> dict[int, str]:
    """Send messages of so many keys in turn; give what the table must hold in the end."""
    client = server.service.client()
    expected = {}
    for n in range(count):
        client.send_message(
            QueueUrl=queue.url,
            MessageBody=json.dumps(item(n % keys, f"n{n}", n)),
            MessageGroupId=f"{n % keys}",
            MessageDeduplicationId=f"{n}",
        )
        expected[n % keys] = f"n{n}"
    return expected


def drainer(world: World, queue: QueuePair, **more: Any) -> Drainer:  # noqa: ANN401
    """Make a drainer with clients of its own."""
    mysql = MySQL(world.url, connect_timeout=1.0, read_timeout=2.0, ssl_mode="DISABLED")
    made = Drainer(
        mysql,
        kit.contract(more.pop("kind", "plain")),
        dead_letter_queue_url=queue.dead_letter_url,
        retry=PROMPT,
        **more,
    )
    world._drainers.append(made)
    return made


@pytest.mark.chaos
def test_five_thousand_messages_and_an_outage(world: World, server: MemoryQueueServer) -> None:
    """Nothing is lost, no group is out of order, and what is in hand is bounded."""
    world.table()
    world.sql(
        "CREATE TABLE journal (n INT AUTO_INCREMENT PRIMARY KEY, item BIGINT, revision BIGINT)"
    )
    for when in ("INSERT", "UPDATE"):
        world.sql(
            f"CREATE TRIGGER j{when} AFTER {when} ON items FOR EACH ROW"  # noqa: S608 - our own
            " INSERT INTO journal (item, revision) VALUES (NEW.item_id, NEW.revision)"
        )
    queue = server.service.create_queue("writes")
    expected = send(server, queue, 5000, 250)
    stop = threading.Event()
    most = [0]

    def watch(_: PollReport) -> None:
        most.append(sum(m.in_flight for m in server.service.stored(queue.url)))

    made = drainer(world, queue)
    with ThreadPoolExecutor(1) as pool:
        polled = pool.submit(made.poll, queue.url, stop=stop, receivers=3, on_progress=watch)
        try:
            eventually(lambda: server.service.depth(queue.url) < 4000, within=60)
            world.database.stop()
            eventually(lambda: len(most) > 4, within=60)
            world.database.start()
            eventually(lambda: server.service.depth(queue.url) == 0, within=120)
        finally:
            stop.set()
        report = polled.result(60)
    assert world.rows() == expected
    assert server.service.stored(str(queue.dead_letter_url)) == []
    assert max(most) <= 1000
    assert report.settled >= 5000
    assert not report.database_away
    first: dict[int, list[int]] = {}
    for key, revision in world.sql("SELECT item, revision FROM journal ORDER BY n"):
        seen = first.setdefault(key, [])
        if revision not in seen:
            seen.append(revision)
    for key, revisions in first.items():
        assert revisions == sorted(revisions), key
        assert len(revisions) == 20, key


def test_a_queue_is_emptied(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """On another emulator: good rows, a refused one, a wrong body."""
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    world.table("sequence")
    for n in range(30):
        world.send(item(n % 7, f"n{n}", n), group=f"{n % 7}")
    world.send(item(8, kit.TOO_LONG, 1), group="8")
    world.send("no JSON", group="9")
    report = drainer(world, world.queue, kind="sequence").poll(world.queue.url, until_empty=True)
    assert (report.received, report.settled, report.dead_lettered) == (32, 30, 2)
    assert world.rows() == {n % 7: f"n{n}" for n in range(23, 30)}
    assert len(world.dead()) == 2


def test_stopped_while_it_waits_for_messages(world: World, server: MemoryQueueServer) -> None:
    """It ends with its long poll, and leaves no thread at work."""
    world.table()
    queue = server.service.create_queue("writes")
    stop = threading.Event()
    told: list[PollReport] = []
    with ThreadPoolExecutor(1) as pool:
        polled = pool.submit(
            drainer(world, queue).poll, queue.url, stop=stop, on_progress=told.append
        )
        eventually(lambda: told, within=30)
        stop.set()
        assert polled.result(30).received == 0
    eventually(
        lambda: not [t for t in threading.enumerate() if t.name == "durable-ingest-poll"],
        within=30,
        what="the threads' end",
    )


def test_a_queue_that_is_not_there(world: World, server: MemoryQueueServer) -> None:
    """SQS' refusal is an error, with what to look at."""
    world.table()
    queue = server.service.create_queue("writes")
    with pytest.raises(MisconfiguredError, match="URL"):
        drainer(world, queue).poll(queue.url.replace("writes", "others"), until_empty=True)


def test_a_clients_time_out_is_looked_at(world: World) -> None:
    """One that is shorter than a long poll would put each into doubt."""
    made = world.desk.queue_service.client()
    try:
        made.meta.config.read_timeout = 3  # type: ignore[attr-defined]
        with pytest.raises(ContractError, match="read_timeout"):
            drainer(world, world.queue, client=made).poll(world.queue.url, until_empty=True)
    finally:
        made.close()


# The command


@pytest.fixture
def home(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with a drainer's module."""
    (tmp_path / "drained_module.py").write_text(MODULE)
    monkeypatch.setenv("DURABLE_INGEST_MYSQL_URL", world.url)
    world.table()
    return tmp_path


class Command:
    """`durable-ingest drain` as a process."""

    def __init__(self, home: Path, *words: str) -> None:
        program = "import sys; from durable_ingest.cli import main; main()"
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-c", program, "drain", "drained_module:drainer", *words],
            cwd=home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ends(self) -> tuple[int, str, str]:
        """Wait for its end; give its exit code and what it said."""
        try:
            out, err = self.process.communicate(timeout=60)
        finally:
            self.process.kill()
        return self.process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_command_cleanly(
    world: World, server: MemoryQueueServer, home: Path, number: signal.Signals
) -> None:
    """The batch under way is finished, the rest is given back, and the report is complete."""
    queue = server.service.create_queue("writes")
    send(server, queue, 3000, 300)
    command = Command(home, "--queue-url", queue.url, "--json")
    eventually(world.rows, within=60, what="the first rows")
    command.process.send_signal(number)
    code, out, err = command.ends()
    assert (code, err.count("Traceback")) == (0, 0), err
    report = json.loads(out)
    assert 0 < report["settled"] == 3000 - server.service.depth(queue.url)
    assert not [m for m in server.service.stored(queue.url) if m.in_flight]
    assert report["received"] == report["settled"] + report["given_back"]


def test_the_second_signal_ends_the_command_at_once(
    world: World, server: MemoryQueueServer, home: Path
) -> None:
    """Whatever it is doing; nothing is lost."""
    queue = server.service.create_queue("writes")
    send(server, queue, 1, 1)
    command = Command(home, "--queue-url", queue.url)
    eventually(world.rows, within=60, what="the first row")
    command.process.send_signal(signal.SIGINT)
    eventually(lambda: _signalled_again(command), within=60)
    assert command.ends()[0] == 128 + signal.SIGINT


def _signalled_again(command: Command) -> bool:
    """Send the signal until the process is gone: two that are pending at once count as one."""
    command.process.send_signal(signal.SIGINT)
    return command.process.poll() is not None


def test_the_command_ends_when_the_queue_is_empty(
    world: World, server: MemoryQueueServer, home: Path
) -> None:
    """With a line that says what was done."""
    queue = server.service.create_queue("writes")
    expected = send(server, queue, 20, 5)
    code, out, err = Command(home, "--queue-url", queue.url, "--until-empty").ends()
    assert (code, out.startswith("20 settled in ")) == (0, True), err
    assert "20 settled in " in err
    assert "\x1b" not in out + err
    assert world.rows() == expected


def test_the_database_away_is_an_exit_code(
    server: MemoryQueueServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under --until-empty; the messages stay."""
    queue = server.service.create_queue("writes")
    send(server, queue, 20, 5)
    monkeypatch.setenv("DURABLE_INGEST_MYSQL_URL", f"mysql://u:p@127.0.0.1:{free_port()}/db")
    code, out, err = Command(home, "--queue-url", queue.url, "--until-empty").ends()
    assert code == 1, err
    assert "the database is away" in out
    assert server.service.depth(queue.url) == 20


def test_a_queue_that_is_not_there_is_an_exit_code(server: MemoryQueueServer, home: Path) -> None:
    """Without a traceback."""
    url = f"{server.endpoint_url}/000000000000/none.fifo"
    code, _, err = Command(home, "--queue-url", url).ends()
    assert code == 2
    assert "Traceback" not in err
    assert "URL" in err


def told(*words: str) -> Result:
    """Run the command in here."""
    return CliRunner().invoke(cli, ["drain", *words])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["drained_module:drainer"], "--queue-url"),
        (["drained_module", "--queue-url", "u"], "MODULE:DRAINER"),
        (["nowhere_at_all:drainer", "--queue-url", "u"], "nowhere_at_all"),
        (["drained_module:none", "--queue-url", "u"], "none"),
        (["drained_module:nothing", "--queue-url", "u"], "not a Drainer"),
        (["drained_module:drainer", "--queue-url", "u"], "queue_url"),
        (["drained_module:drainer", "--queue-url", "u", "--receivers", "0"], "receivers"),
        (["drained_module:drainer", "--queue-url", "http://h/q", "--within", "3"], "within"),
    ],
)
def test_wrong_words_are_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    """With exit code 2."""
    monkeypatch.chdir(home)
    monkeypatch.setattr(sys, "path", list(sys.path))
    result = told(*words)
    sys.modules.pop("drained_module", None)
    assert result.exit_code == 2, result.output
    assert said in result.output
