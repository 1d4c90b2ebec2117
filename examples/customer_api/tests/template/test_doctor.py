"""`durable-ingest doctor` on the stack, the drainer and the migrations of this very project."""

import json
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest
from durable_ingest.cli import main
from durable_ingest.testing import IngestDatabase
from moto.awslambda.models import LambdaFunction
from moto.core.responses import ActionResult
from moto.iam.responses import IamResponse

from .moto_types import client
from .stack import SOURCE, Stack

MODULES = ("contract", "drainer")


@pytest.fixture(autouse=True)
def what_moto_lacks(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let it simulate policies, and name a function's VPC."""

    def simulate(asked: Any) -> ActionResult:
        [resource] = asked._get_param("ResourceArns")  # noqa: SLF001 - as moto's own answers do
        actions = asked._get_param("ActionNames")  # noqa: SLF001 - as above
        found = [
            {
                "EvalActionName": action,
                "EvalDecision": decision(stack.statements("DrainerRole"), action, resource),
            }
            for action in actions
        ]
        return ActionResult({"EvaluationResults": found, "IsTruncated": False})

    def vpc_config(function: Any) -> dict[str, Any]:
        given: dict[str, Any] = function._vpc_config or {}  # noqa: SLF001 - where moto keeps it
        if not given:
            return given
        [subnet, *_] = client("ec2").describe_subnets(SubnetIds=given["SubnetIds"])["Subnets"]
        return {**given, "VpcId": subnet["VpcId"]}

    monkeypatch.setattr(IamResponse, "simulate_principal_policy", simulate, raising=False)
    monkeypatch.setattr(LambdaFunction, "vpc_config", property(vpc_config))
    monkeypatch.setattr(sys, "path", [*sys.path])
    forget()
    yield
    forget()


def forget() -> None:
    """Let modules be imported anew."""
    for name in MODULES:
        sys.modules.pop(name, None)


def decision(statements: list[dict[str, Any]], action: str, resource: str) -> str:
    """Judge by what is allowed; no condition of the role's is about the queues or the secret."""
    for statement in statements:
        given = statement["Action"]
        actions = [given] if isinstance(given, str) else given
        allows = statement["Effect"] == "Allow" and fnmatchcase(resource, statement["Resource"])
        if allows and any(fnmatchcase(action, each) for each in actions):
            return "allowed"
    return "implicitDeny"


def doctor(
    stack: Stack,
    mysql: IngestDatabase,
    patch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> dict[str, Any]:
    """Run it where the drainer's code is, in the function's environment; give its answer."""
    for variable, value in stack.function("Drainer")["Environment"]["Variables"].items():
        patch.setenv(variable, value)
    patch.setenv("DURABLE_INGEST_MYSQL_URL", mysql.url)
    patch.chdir(SOURCE)
    # The tests' own server is quick and not careful, which Aurora never is.
    words = "doctor drainer:drainer --function shop-drainer --ignore database.durability --json"
    patch.setattr(sys, "argv", ["durable-ingest", *words.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert ended.value.code == answer["exit_code"]
    return answer


def test_it_finds_nothing_wrong(
    stack: Stack,
    ingest_mysql: IngestDatabase,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No error, no warning, nothing unseen, in the cloud and in the database."""
    ingest_mysql.apply("migrations")
    answer = doctor(stack, ingest_mysql, monkeypatch, capsys)
    assert [each for each in answer["findings"] if each["severity"] != "note"] == []
    assert answer["exit_code"] == 0
    assert answer["looked_at"].keys() == {"function", "queue", "dead_letters", "database"}


def test_it_finds_a_migration_that_was_forgotten(
    stack: Stack,
    ingest_mysql: IngestDatabase,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Or it would find nothing whatever is wrong."""
    ingest_mysql.apply("migrations")
    ingest_mysql.execute("ALTER TABLE customers DROP COLUMN phone")
    answer = doctor(stack, ingest_mysql, monkeypatch, capsys)
    assert answer["exit_code"] == 4
    assert "has no column 'phone'" in answer["findings"][0]["what"]
