"""`durable-ingest dead-letters`, with boto3's own clients on a strict queue behind HTTP."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from durable_ingest.cli.commands import cli
from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.testing import MemoryQueueServer, StoredMessage, eventually
from durable_ingest.testing.queue_faults import client_error

DRAINER = """
from durable_ingest import Drainer, MySQL, Table
from pydantic import BaseModel

class Customer(BaseModel):
    customer_id: str
    name: str = ""

customers = Table("customers", Customer, key="customer_id", sequence="ingest_sequence")
notes = Table("notes", Customer, key="customer_id")
mysql = MySQL("mysql://u:p@127.0.0.1/db")
drainer = Drainer(mysql, customers, notes, dead_letter_queue_url={dead!r})
bare = Drainer(mysql, customers)
class Namespace:
    inner = drainer
"""
SECRET = "Ann Example"
DEAD = {
    "fault": "rejected",
    "code": 1406,
    "sqlstate": "22001",
    "reason": "column 'name': too long",
    "table": "customers",
    "message_id": "first",
    "sequence": "7",
    "sent": 1_700_000_000.5,
}
_numbers = itertools.count(1)


class Desk:
    """An operator at a terminal, before a queue and its dead-letter queue."""

    def __init__(self, server: MemoryQueueServer, module: str) -> None:
        """Make the queues."""
        self.server = server
        self.module = module
        self.pair = server.service.create_queue(f"writes-{module}")
        self.url = self.pair.url
        self.dead_url = self.pair.dead_letter_url or ""

    def put(self, number: int, *, dead: Any = None, group: str = "", **attributes: str) -> str:  # noqa: ANN401
        """Put a letter into the dead-letter queue; give its id."""
        texts = {
            "ingest.name": "customers",
            "ingest.sequence": "7",
            "ingest.dead": json.dumps(dead or DEAD),
            **{name.replace("_", "."): value for name, value in attributes.items()},
        }
        sent = self.server.service.client().send_message(
            QueueUrl=self.dead_url,
            MessageBody=json.dumps({"customer_id": str(number), "name": SECRET}),
            MessageGroupId=group or f"g{number}",
            MessageDeduplicationId=f"first-{number}",
            MessageAttributes={
                name: {"DataType": "String", "StringValue": text}
                for name, text in texts.items()
                if text
            },
        )
        return sent["MessageId"]

    def told(self, command: str, *words: str, answer: str = "", drainer: str = "drainer") -> Result:
        """Run a command."""
        given = [command, f"{self.module}:{drainer}", *words]
        result = CliRunner().invoke(cli, ["dead-letters", *given], input=answer)
        assert not isinstance(result.exception, AttributeError | TypeError), result.exception
        return result

    def back(self, *words: str, answer: str = "") -> Result:
        """Redrive."""
        return self.told("redrive", "--queue-url", self.url, *words, answer=answer)

    def dead(self) -> list[StoredMessage]:
        """List the letters."""
        return self.server.service.stored(self.dead_url)

    def sent(self) -> int:
        """Count what went back."""
        return self.server.service.depth(self.url)


@pytest.fixture(scope="module")
def server() -> Iterator[MemoryQueueServer]:
    """One for all."""
    with MemoryQueueServer(SYSTEM_CLOCK.now) as server:
        yield server


@pytest.fixture
def desk(
    server: MemoryQueueServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    """Give an empty pair of queues, and the module of a drainer in the current directory."""
    desk = Desk(server, f"letters_app_{next(_numbers)}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    (tmp_path / f"{desk.module}.py").write_text(DRAINER.format(dead=desk.dead_url))
    yield desk
    sys.modules.pop(desk.module, None)
    server.service.faults.clear()


def visible(desk: Desk) -> bool:
    """Say whether nothing is hidden."""
    return not any(one.in_flight for one in desk.dead())


def test_list_counts_by_contract_and_reason(desk: Desk) -> None:
    """With ages; no row, no colour."""
    for n in range(3):
        desk.put(n)
    desk.put(9, dead={**DEAD, "fault": "dependent", "code": 1452, "reason": "no parent"})
    result = desk.told("list")
    assert result.exit_code == 0
    head, first, second = result.output.splitlines()
    assert head.split() == ["CONTRACT", "FAULT", "CODE", "LETTERS", "OLDEST", "NEWEST", "REASON"]
    assert re.fullmatch(
        r"customers +rejected +1406 +3 +\d seconds +\d seconds +column 'name': too long", first
    )
    assert re.match(r"customers +dependent +1452 +1 ", second)
    assert SECRET not in result.output
    assert visible(desk)


def test_list_in_json(desk: Desk) -> None:
    """One object; filters narrow it down."""
    desk.put(1)
    desk.put(2, ingest_name="notes")
    result = desk.told("list", "--json", "--contract", "notes", "--fault", "rejected")
    answer = json.loads(result.output)
    [kind] = answer["kinds"]
    assert (kind["contract"], kind["fault"], kind["letters"]) == ("notes", "rejected", 1)
    assert 0 <= kind["newest_seconds"] <= kind["oldest_seconds"]
    assert {n: answer[n] for n in ("there", "seen", "unseen", "hidden_at_first", "stopped")} == {
        "there": 2,
        "seen": 2,
        "unseen": 0,
        "hidden_at_first": 0,
        "stopped": None,
    }


def test_list_of_nothing(desk: Desk) -> None:
    """Says so."""
    result = desk.told("list")
    assert (result.exit_code, result.output) == (0, "no dead letters\n")


def test_list_claims_no_more_than_it_saw(desk: Desk) -> None:
    """Twelve letters of one group, and another that somebody has in hand."""
    for n in range(12):
        desk.put(n, group="one")
    desk.put(99)
    client = desk.server.service.client()
    client.receive_message(QueueUrl=desk.dead_url, MaxNumberOfMessages=10)
    result = desk.told("list")
    assert "saw 1 of about 13 letters: of a group SQS shows some ten" in result.output
    assert "about 10 were hidden at first" in result.output
    assert "run again in two minutes" in result.output


def test_show_one(desk: Desk) -> None:
    """By either id; the body only when it is asked for."""
    number = desk.put(1, own="\x9b31mred")
    desk.put(2)
    for asked in (number, "first-1"):
        result = desk.told("show", asked)
        assert result.exit_code == 0
        for part in (number, "first-1", "customers", "rejected", "1406", "22001", "too long"):
            assert part in result.output
        assert "2023-11-14T22:13:20+00:00" in result.output
        assert "it may go back" in result.output
        assert SECRET not in result.output
        assert "\x9b" not in result.output
    assert SECRET in desk.told("show", number, "--body").output
    found = json.loads(desk.told("show", number, "--json", "--body").output)
    assert json.loads(found["body"])["name"] == SECRET
    assert found["attributes"]["own"] == "\x9b31mred"
    assert (found["sequence"], found["objection"]) == ("7", None)
    assert "body" not in json.loads(desk.told("show", number, "--json").output)
    assert visible(desk)


def test_show_what_another_program_wrote(desk: Desk) -> None:
    """Binary attributes in Base64; times that are none are called unknown."""
    number = desk.put(1, dead={**DEAD, "sent": 1e300, "code": "x"})
    result = desk.told("show", number)
    assert re.search(r"^sent +unknown$", result.output, re.MULTILINE)
    assert not re.search(r"^code ", result.output, re.MULTILINE)
    sent = desk.server.service.client().send_message(
        QueueUrl=desk.dead_url,
        MessageBody="{}",
        MessageGroupId="other",
        MessageDeduplicationId="other",
        MessageAttributes={"own": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}},
    )
    result = desk.told("show", sent["MessageId"])
    assert "own: AP8=" in result.output
    assert "unexplained" in result.output


def test_letters_that_stay_hidden(desk: Desk) -> None:
    """Are told, with the permission that is missing."""
    desk.put(1)

    def denied(operation: str) -> Exception:
        return client_error("AccessDenied", "no", operation, status=403)

    desk.server.service.faults.fail_calls(
        denied, lambda asked, _: asked == "ChangeMessageVisibilityBatch"
    )
    result = desk.told("list")
    assert result.exit_code == 0
    assert "1 letter could not be given back" in result.output
    assert "sqs:ChangeMessageVisibility" in result.output


def test_a_run_that_ends_early_says_so(desk: Desk) -> None:
    """With what it had seen until then."""
    desk.put(1)

    def denied(operation: str) -> Exception:
        return client_error("AccessDenied", "no", operation, status=403)

    desk.server.service.faults.fail_calls(denied, lambda asked, _: asked == "ReceiveMessage")
    result = desk.told("list")
    assert result.exit_code == 2
    assert "stopped early: SQS refuses sqs:ReceiveMessage" in result.output


def test_show_says_why_it_may_not_go_back(desk: Desk) -> None:
    """Before anybody tries."""
    number = desk.put(1, ingest_name="notes")
    assert "would replace newer rows" in desk.told("show", number).output


def test_show_what_is_not_there(desk: Desk) -> None:
    """Exit code 1."""
    desk.put(1)
    result = desk.told("show", "nobody")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "not found: nobody" in result.stderr


def test_redrive_asks(desk: Desk) -> None:
    """Nothing goes without a yes; the question is not on standard output."""
    for n in range(3):
        desk.put(n)
    refused = desk.back(answer="n\n")
    assert (refused.exit_code, desk.sent(), len(desk.dead())) == (1, 0, 3)
    assert visible(desk)
    agreed = desk.back("--json", answer="y\n")
    assert agreed.exit_code == 0
    assert len(json.loads(agreed.stdout)["sent"]) == 3
    assert "found 3 letters\n  3 letters of customers\n" in agreed.stderr
    assert (desk.sent(), desk.dead()) == (3, [])


def test_redrive_without_an_answer(desk: Desk) -> None:
    """Standard input is at its end: that is no yes."""
    desk.put(1)
    assert desk.back().exit_code == 1
    assert desk.sent() == 0


def test_redrive_dry(desk: Desk) -> None:
    """Says what would be done, and what not."""
    desk.put(1)
    other = desk.put(2, ingest_name="other")
    result = desk.back("--dry-run")
    assert result.exit_code == 1
    assert result.output.startswith("would send 1 letter\nleft 1 letter of other: ")
    assert other in result.output
    answer = json.loads(desk.back("--dry-run", "--json").output)
    assert (len(answer["would_send"]), answer["left"][0]["id"]) == (1, other)
    assert "names the contract 'other'" in answer["left"][0]["why"]
    assert (desk.sent(), len(desk.dead())) == (0, 2)


def test_redrive_with_filters(desk: Desk) -> None:
    """What is not meant is not left."""
    ids = [desk.put(n) for n in range(4)]
    result = desk.back("--yes", "--id", ids[1], "--id", "first-2", "--limit", "2")
    assert (result.exit_code, result.output) == (0, "sent 2 letters\n")
    missing = desk.back("--yes", "--id", ids[1], "--id", ids[0])
    assert missing.exit_code == 1
    assert f"not found: {ids[1]}" in missing.output


def test_redrive_of_nothing(desk: Desk) -> None:
    """Asks nothing."""
    result = desk.back()
    assert (result.exit_code, result.output) == (0, "would send 0 letters\n")


def test_plain_tables_need_a_word(desk: Desk) -> None:
    """And say why."""
    desk.put(1, ingest_name="notes")
    result = desk.back("--yes")
    assert result.exit_code == 1
    assert "would replace newer rows" in result.output
    assert desk.back("--yes", "--unordered").exit_code == 0
    assert desk.sent() == 1


def test_discard(desk: Desk) -> None:
    """Needs a filter and a yes."""
    ids = [desk.put(n) for n in range(3)]
    unfiltered = desk.told("discard", "--yes")
    assert unfiltered.exit_code == 2
    assert "--contract" in unfiltered.output
    assert desk.told("discard", "--id", ids[0], answer="n\n").exit_code == 1
    assert desk.told("discard", "--id", ids[0], "--dry-run").output == "would delete 1 letter\n"
    assert len(desk.dead()) == 3
    assert desk.told("discard", "--id", ids[0], answer="y\n").exit_code == 0
    assert [one.message_id for one in desk.dead()] == ids[1:]
    result = desk.told("discard", "--fault", "rejected", "--yes", "--json")
    assert [one["id"] for one in json.loads(result.output)["deleted"]] == ids[1:]
    assert (desk.dead(), desk.sent()) == ([], 0)


def test_a_missing_permission(desk: Desk) -> None:
    """Exit code 2, the action is named, and what was done is told."""
    desk.put(1)

    def denied(operation: str) -> Exception:
        return client_error("AccessDenied", "no", operation, status=403)

    desk.server.service.faults.fail_calls(denied, lambda asked, _: asked == "SendMessageBatch")
    result = desk.back("--yes", "--json")
    assert result.exit_code == 2
    answer = json.loads(result.stdout)
    assert "sqs:SendMessage" in answer["stopped"]
    assert (answer["sent"], len(answer["left"])) == ([], 1)
    desk.server.service.faults.clear()
    desk.server.service.faults.fail_calls(denied)
    refused = desk.told("list")
    assert refused.exit_code == 2
    assert "sqs:GetQueueAttributes" in refused.stderr


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["list", "no_such_module:drainer"], "no_such_module"),
        (["list", "no colon"], "MODULE:DRAINER"),
        (["list", "{module}:customers"], "not a Drainer"),
        (["list", "{module}:nothing"], "not a Drainer"),
        (["list", "{module}:bare"], "--dead-letter-queue-url"),
        (["redrive", "{module}:drainer"], "--queue-url"),
        (["redrive", "{module}:drainer", "--queue-url", "{dead}"], "one and the same"),
        (["list", "{module}:drainer", "--dead-letter-queue-url", "{queue}"], "not known to be"),
        (["list", "{module}:drainer", "--dead-letter-queue-url", "{queue}x"], "no FIFO queue"),
        (["list", "{module}:drainer", "--fault", "odd"], "--fault"),
        (["redrive", "{module}:drainer", "--queue-url", "{queue}", "--limit", "0"], "--limit"),
        (["list"], "MODULE:DRAINER"),
    ],
)
def test_wrong_arguments(desk: Desk, words: list[str], part: str) -> None:
    """Exit code 2, and what is wrong."""
    names = {"module": desk.module, "dead": desk.dead_url, "queue": desk.url}
    result = CliRunner().invoke(cli, ["dead-letters", *(word.format(**names) for word in words)])
    assert result.exit_code == 2
    assert part in result.output


def test_a_drainer_inside_something(desk: Desk) -> None:
    """As Python would write it."""
    assert desk.told("list", drainer="Namespace.inner").exit_code == 0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("import os; os.environ['NOT_SET']", "environment variable NOT_SET"),
        ("raise ValueError('hunter2')", "ValueError"),
        ("from durable_ingest import MySQL; MySQL.from_env()", "DURABLE_INGEST_MYSQL_URL"),
    ],
)
def test_a_module_that_cannot_be_imported(
    desk: Desk, text: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is missing is named, and nothing that may be secret."""
    monkeypatch.delenv("DURABLE_INGEST_MYSQL_URL", raising=False)
    Path(f"{desk.module}.py").write_text(text)
    result = desk.told("list")
    assert result.exit_code == 2
    assert shown in result.output
    assert "hunter2" not in result.output


COMMANDS = ["list", "show", "redrive", "discard"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    """With an example."""
    result = CliRunner().invoke(cli, ["dead-letters", command, "--help"])
    assert result.exit_code == 0
    assert f"Example: durable-ingest dead-letters {command} " in result.output
    assert "--json" in result.output


def program(*words: str) -> "subprocess.Popen[str]":
    """Start a command as a process of its own, in a pipe."""
    text = "from durable_ingest.cli import main; main()"
    return subprocess.Popen(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", text, "dead-letters", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TERM": "xterm-256color"},
    )


def test_a_pipe_has_no_colour_and_no_progress(desk: Desk) -> None:
    """Lines and nothing else."""
    desk.put(1)
    words = ("redrive", f"{desk.module}:drainer", "--queue-url", desk.url, "--yes")
    out, err = program(*words).communicate(timeout=60)
    assert (out, err) == ("sent 1 letter\n", "")


def test_a_terminal_has_progress(desk: Desk) -> None:
    """On standard error, so that standard output stays what it is."""
    desk.put(1)
    master, slave = os.openpty()
    text = "from durable_ingest.cli import main; main()"
    words = ["redrive", f"{desk.module}:drainer", "--queue-url", desk.url, "--yes"]
    ran = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", text, "dead-letters", *words],
        stdout=subprocess.PIPE,
        stderr=slave,
        text=True,
        check=True,
    )
    os.close(slave)
    written = os.read(master, 10_000).decode()
    os.close(master)
    assert ran.stdout == "sent 1 letter\n"
    assert "\rseen 1 of about 1, 1 done" in written


@pytest.fixture
def slow(desk: Desk) -> Iterator[Callable[[], None]]:
    """Let the queue answer sends only once it is told to."""
    asked, free = threading.Event(), threading.Event()

    def strikes(operation: str, _: object) -> bool:
        if operation == "SendMessageBatch":
            asked.set()
            free.wait(30)
        return False

    desk.server.service.faults.fail_calls(lambda _: RuntimeError(), strikes)

    def wait() -> None:
        eventually(asked.is_set, within=30, what="a send")

    wait.free = free.set  # type: ignore[attr-defined]
    yield wait
    free.set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_between_two_letters(
    desk: Desk, slow: Callable[[], None], number: signal.Signals
) -> None:
    """What was sent is deleted, and everything else given back."""
    for n in range(5):
        desk.put(n, group="one")
    words = ("redrive", f"{desk.module}:drainer", "--queue-url", desk.url, "--yes", "--json")
    running = program(*words)
    slow()
    running.send_signal(number)
    slow.free()  # type: ignore[attr-defined]
    out, err = running.communicate(timeout=60)
    answer = json.loads(out)
    assert (running.returncode, err) == (1, "")
    assert len(answer["sent"]) == desk.sent() < 5
    assert answer["stopped"] == "it was told to stop"
    assert len(desk.dead()) == 5 - desk.sent()
    assert visible(desk)
