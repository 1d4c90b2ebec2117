"""`durable-ingest doctor`, on a deployment in moto and a real database."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from durable_ingest.cli.commands import cli
from durable_ingest.doctor.catalogue import CHECKS
from tests.contract import doctor_kit as kit
from tests.contract import store_kit
from tests.contract.doctor_kit import Deployment
from tests.contract.store_kit import SEQUENCED_TABLE, Bench

pytestmark = pytest.mark.database
bench = store_kit.bench

DRAINER = """
import os

from durable_ingest import Drainer, MySQL, Table
from pydantic import BaseModel, Field


class Item(BaseModel):
    id: int = Field(ge=-(2**63), lt=2**63)
    name: str = Field(max_length=20)


items = Table("sequenced", Item, key="id", sequence="seq")
drainer = Drainer(
    MySQL.from_env(),
    items,
    dead_letter_queue_url=os.environ["DLQ_URL"],
    acknowledge="report",
)
handler = drainer.handle
"""
Told = Callable[..., Result]
OWN_SERVER = ["--ignore", "database"]
"""The tests' server keeps no log of each commit, and its user may do everything."""


@pytest.fixture
def deployment(bench: Bench) -> Iterator[Deployment]:
    """Give one with nothing wrong with it."""
    bench.sql(SEQUENCED_TABLE)
    with kit.moto():
        yield Deployment()


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Write modules into the working directory; each has a name of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)

    def write(text: str) -> str:
        name = f"written_{len(list(tmp_path.iterdir()))}_{tmp_path.name}".replace("-", "_")
        (tmp_path / f"{name}.py").write_text(text)
        return name

    yield write
    for name in set(sys.modules) - before:
        if name.startswith("written_"):
            del sys.modules[name]


@pytest.fixture
def told(deployment: Deployment, bench: Bench, written: Callable[[str], str]) -> Told:
    """Run the command on a drainer of the deployment."""
    module = written(DRAINER)

    def tell(*words: str, color: bool = False, **env: str) -> Result:
        given = {"DURABLE_INGEST_MYSQL_URL": bench.url, "DLQ_URL": deployment.dead_url}
        arguments = ["doctor", f"{module}:drainer", *words]
        return CliRunner().invoke(cli, arguments, env=given | env, color=color)

    return tell


def imported(name: str, **env: str | None) -> Result:
    """Name a drainer that cannot be had."""
    return CliRunner().invoke(cli, ["doctor", name], env=env)


def test_green(told: Told, deployment: Deployment) -> None:
    """It says what it looked at, and ends with 0."""
    result = told(*OWN_SERVER)
    assert (result.exit_code, result.output.splitlines()) == (
        0,
        [
            f"looked at function: arn:aws:lambda:{kit.REGION}:{kit.ACCOUNT}:function:drainer",
            f"looked at queue: {deployment.arn}",
            f"looked at dead letters: {deployment.dead_arn}",
            "looked at database: 127.0.0.1",
            "0 errors, 0 warnings, 0 not seen, 0 notes",
        ],
    )


def test_silent_loss_is_the_first_line_in_red(told: Told, deployment: Deployment) -> None:
    """On a terminal; nothing is red in a pipe, nor where NO_COLOR is set."""
    deployment.map(FunctionResponseTypes=[])
    deployment.set(deployment.url, MessageRetentionPeriod=3600)
    first = (
        "error mapping.response_types: ReportBatchItemFailures is missing, and the drainer"
        ' acknowledges by "report"'
    )
    lines = told(color=True).output.splitlines()
    assert lines[0] == f"\x1b[31m\x1b[1m{first}\x1b[0m"
    assert lines[1] == "  costs: Lambda deletes every held message: silent loss"
    assert lines[2] == (
        f"  mend: aws lambda update-event-source-mapping --uuid {deployment.mapping}"
        " --function-response-types ReportBatchItemFailures"
    )
    piped = told()
    assert piped.exit_code == 4
    assert piped.output.splitlines()[0] == first
    assert "\x1b" not in piped.output
    assert "\x1b" not in told(color=True, NO_COLOR="1").output


def test_json(told: Told, deployment: Deployment) -> None:
    """One object, whatever is found."""
    deployment.map(FunctionResponseTypes=[], ScalingConfig={})
    result = told("--json", *OWN_SERVER, color=True)
    answer = json.loads(result.output)
    assert answer["exit_code"] == result.exit_code == 4
    assert answer["looked_at"]["queue"] == deployment.arn
    assert [(each["severity"], each["check"]) for each in answer["findings"]] == [
        ("error", "mapping.response_types"),
        ("warning", "mapping.concurrency"),
    ]
    assert all(each.keys() == answer["findings"][0].keys() for each in answer["findings"])


def test_exit_codes(told: Told, deployment: Deployment) -> None:
    """0 with notes alone, 3 with a warning or something unseen, 4 with an error."""
    deployment.map(BatchSize=5)
    assert told(*OWN_SERVER).exit_code == 0
    deployment.map(ScalingConfig={})
    assert told(*OWN_SERVER).exit_code == 3
    assert told(*OWN_SERVER, "--ignore", "mapping.concurrency").exit_code == 0
    away = "mysql://user:hunter2@127.0.0.1:1/app"
    result = told("--only", "database", DURABLE_INGEST_MYSQL_URL=away)
    assert result.exit_code == 3
    assert "hunter2" not in result.output
    deployment.map(FunctionResponseTypes=[])
    assert told(*OWN_SERVER).exit_code == 4


def test_only_and_ignore(told: Told, deployment: Deployment) -> None:
    """Checks or whole parts; what is not asked for is not looked at."""
    deployment.map(BatchSize=5, ScalingConfig={})
    deployment.set(deployment.url, SqsManagedSseEnabled="false")

    def found(*words: str) -> list[str]:
        answer = json.loads(told("--json", *OWN_SERVER, *words).output)
        return [each["check"] for each in answer["findings"]]

    assert set(found()) == {"queue.encryption", "mapping.concurrency", "mapping.batch_size"}
    assert set(found("--only", "mapping")) == {"mapping.concurrency", "mapping.batch_size"}
    assert found("--only", "mapping.batch_size") == ["mapping.batch_size"]
    assert found("--ignore", "mapping") == ["queue.encryption"]
    answer = json.loads(told("--json", "--only", "table").output)
    assert list(answer["looked_at"]) == ["database"]


@pytest.mark.parametrize("option", ["--only", "--ignore"])
def test_a_check_that_there_is_not_is_refused(told: Told, option: str) -> None:
    """A misspelt name would hide nothing, or everything."""
    result = told(option, "queue.retentoin")
    assert result.exit_code == 2
    assert "queue.retention" in result.output


def test_an_outage_to_survive(told: Told, deployment: Deployment) -> None:
    """Judges the queue's settings."""
    deployment.set(deployment.url, MessageRetentionPeriod=345_600)
    assert told(*OWN_SERVER, "--outage-hours", "72").exit_code == 3
    assert told(*OWN_SERVER, "--outage-hours", "96").exit_code == 4


def test_passwords_are_never_said(told: Told, bench: Bench) -> None:
    """Not even where the server refuses them."""
    wrong = bench.url.replace("://", "://nobody-").replace("@", "-hunter2@")
    for words in ([], ["--json"]):
        result = told("--only", "database", *words, DURABLE_INGEST_MYSQL_URL=wrong)
        assert result.exit_code == 4
        assert "database.connection" in result.output
        assert "hunter2" not in result.output


def test_help_has_an_example_and_the_exit_codes() -> None:
    """And every option."""
    result = CliRunner().invoke(cli, ["doctor", "--help"])
    assert result.exit_code == 0
    for text in ("Example: durable-ingest doctor", "Exit codes: 0", "--outage-hours", "--ignore"):
        assert text in result.output


# Finding the drainer


def test_a_variable_that_is_missing_is_named(written: Callable[[str], str]) -> None:
    """As a drainer reads it at import."""
    name = f"{written(DRAINER)}:drainer"
    url = "mysql://user:hunter2@db.example/app"
    result = imported(name, DLQ_URL=None, DURABLE_INGEST_MYSQL_URL=url)
    assert result.exit_code == 2
    assert "needs the environment variable DLQ_URL" in result.output
    result = imported(name, DLQ_URL=None, DURABLE_INGEST_MYSQL_URL=None)
    assert "DURABLE_INGEST_MYSQL_URL is not set" in result.output
    result = imported(name, DLQ_URL="https://sqs/1/no", DURABLE_INGEST_MYSQL_URL=url)
    assert "dead_letter_queue_url" in result.output
    assert "hunter2" not in result.output


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_such_module_here:drainer", "there is no module no_such_module_here"),
        ("json:drainer", "'drainer' of 'json' is a NoneType, not a Drainer"),
        ("json:dumps", "'dumps' of 'json' is a function, not a Drainer"),
        ("drainer", "is not MODULE:DRAINER"),
        (":drainer", "is not MODULE:DRAINER"),
    ],
)
def test_what_is_no_drainer_is_said(name: str, said: str) -> None:
    """In one line."""
    result = imported(name)
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_library", "there is no module no_such_library; install it"),
        ("x = 1\nraise ValueError('hunter2')", "ValueError in "),
        ("{}['hunter2']", "KeyError in "),
    ],
)
def test_a_module_that_fails_is_said_with_its_place(
    written: Callable[[str], str], text: str, said: str
) -> None:
    """Without the exception's text, which might hold a credential."""
    result = imported(f"{written(text)}:drainer")
    assert result.exit_code == 2
    assert said in result.output
    assert "hunter2" not in result.output


def test_a_drainer_inside_of_something_is_found(
    written: Callable[[str], str], deployment: Deployment, bench: Bench
) -> None:
    """By a dotted name."""
    module = written(f"{DRAINER}\nclass App:\n    drainer = drainer\n")
    env = {"DLQ_URL": deployment.dead_url, "DURABLE_INGEST_MYSQL_URL": bench.url}
    result = imported(f"{module}:App.drainer", **env)
    assert "looked at queue" in result.output


def test_every_check_can_be_named(told: Told) -> None:
    """All of them ignored, nothing is found, and nothing is asked."""
    words = [word for name in CHECKS for word in ("--ignore", name)]
    assert told(*words).output == "0 errors, 0 warnings, 0 not seen, 0 notes\n"
