"""Secrets of Secrets Manager: rotated, refused and not to be had, on a real server."""

import json
import logging
import subprocess
import sys
import traceback
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError
from moto import mock_aws

from durable_ingest import MySQL
from durable_ingest.clock import SystemClock
from durable_ingest.errors import BatchHeldError
from durable_ingest.mysql.keeping import OLDEST_CONNECTION
from durable_ingest.testing import LambdaContext, sqs_event
from durable_ingest.testing.connection import Address
from durable_ingest.testing.waiting import free_port
from tests.contract import store_kit
from tests.contract.store_kit import (
    ITEMS,
    ITEMS_TABLE,
    SEQUENCED,
    SEQUENCED_TABLE,
    Ahead,
    Bench,
    Drain,
    sent,
    session_id,
)
from tests.fake_aws import PASSWORD, Secrets, refusal

pytestmark = pytest.mark.database
bench = store_kit.bench

ONE = {"id": 1, "name": "x"}


class Account:
    """A user of the database, and the secret in which the log-in is kept."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.address = replace(Address.parse(bench.url), user=f"clerk_{bench.name[-8:]}")
        self.secrets = Secrets(username=self.address.user)
        self.clock = Ahead()
        bench.server.execute(f"CREATE USER {self.name} IDENTIFIED BY '{PASSWORD}'")
        bench.server.execute(f"GRANT ALL ON `{bench.name}`.* TO {self.name}")

    @property
    def name(self) -> str:
        """As SQL has it."""
        return f"{self.address.user}@'%'"

    def rotate(self, password: str) -> None:
        """Give the database's user another password, and the secret none."""
        self.bench.server.execute(f"ALTER USER {self.name} IDENTIFIED BY '{password}'")

    def drain(self, *tables: Any, **settings: Any) -> Drain:  # noqa: ANN401
        """Make a drainer that logs in with the secret."""
        where = self.address
        named: dict[str, Any] = {"host": where.host, "port": where.port, "database": where.database}
        mysql = MySQL.from_secret("app", client=self.secrets, **(named | settings))
        return self.bench.drain(*(tables or [ITEMS]), mysql=mysql, clock=self.clock)

    def another_connection(self) -> None:
        """Let the open connection be too old for the next batch."""
        self.clock.by += OLDEST_CONNECTION + 1


@pytest.fixture
def account(bench: Bench) -> Iterator[Account]:
    """Give a user with rights to the test's tables."""
    bench.sql(ITEMS_TABLE)
    bench.sql(SEQUENCED_TABLE)
    account = Account(bench)
    yield account
    bench.server.execute(f"DROP USER {account.name}")


@pytest.mark.parametrize("table", [ITEMS, SEQUENCED], ids=["plain", "sequence"])
def test_a_password_that_was_rotated(account: Account, table: Any) -> None:  # noqa: ANN401
    """The open connection goes on; the next one gets the new password in the same call."""
    drain = account.drain(table)
    assert drain(ONE).stored == [0]
    first = session_id(drain)
    account.rotate("second")
    account.secrets.set(password="second")
    assert drain(ONE).stored == [0]
    assert session_id(drain) == first
    assert len(account.secrets.asked) == 1
    account.another_connection()
    assert drain(ONE, ONE | {"id": 2}).stored == [0, 1]
    assert session_id(drain) != first
    assert len(account.secrets.asked) == 2


def test_a_connection_that_is_killed_after_a_rotation(account: Account, bench: Bench) -> None:
    """Both at once cost the batch nothing either."""
    drain = account.drain()
    assert drain(ONE).stored == [0]
    account.rotate("second")
    account.secrets.set(password="second")
    bench.server.execute(f"KILL {session_id(drain)}")
    assert drain(ONE, ONE | {"id": 2}).stored == [0, 1]


def test_a_secret_that_names_another_user(account: Account, bench: Bench) -> None:
    """As where two users take turns: the first one's password is changed, the second's is used."""
    drain = account.drain()
    assert drain(ONE).stored == [0]
    account.rotate("not kept in the secret")
    application = Address.parse(bench.url)
    account.secrets.set(username=application.user, password=application.password)
    account.another_connection()
    assert drain(ONE).stored == [0]


def test_a_secret_that_lags_behind(account: Account, caplog: pytest.LogCaptureFixture) -> None:
    """Fetched afresh once in a call, then held as misconfigured; set right, it goes on."""
    drain = account.drain()
    account.rotate("second")
    for calls in (2, 3):  # the first call has to fetch it first
        outcome = drain(ONE)
        assert outcome.faults == {0: "misconfigured 1045"}
        assert "'app'" in outcome.held[0]
        assert len(account.secrets.asked) == calls
    said = [r for r in caplog.records if "misconfigured" in r.getMessage()]
    assert [record.levelno for record in said] == [logging.ERROR] * 2
    account.secrets.set(password="second")
    assert drain(ONE).stored == [0]
    assert len(account.secrets.asked) == 4


def test_a_secret_that_is_no_text_of_mysqls(account: Account) -> None:
    """JSON can hold what UTF-8 cannot: refused by the server as any wrong password."""
    drain = account.drain()
    account.secrets.set(password="\ud800")
    assert drain(ONE).faults == {0: "misconfigured 1045"}


def test_a_secret_that_is_wrong_again(account: Account) -> None:
    """Another one than was refused is tried, and refused: held as misconfigured."""
    drain = account.drain()
    assert drain(ONE).stored == [0]
    account.rotate("second")
    account.secrets.set(password="third")
    account.another_connection()
    outcome = drain(ONE)
    assert outcome.faults == {0: "misconfigured 1045"}
    assert "'app'" in outcome.held[0]
    assert len(account.secrets.asked) == 2


@pytest.mark.parametrize(
    ("error", "fault", "words"),
    [
        (refusal("AccessDeniedException"), "misconfigured", "secretsmanager:GetSecretValue"),
        (refusal("ResourceNotFoundException"), "misconfigured", "'app'"),
        (refusal("ThrottlingException"), "unavailable", "Secrets Manager"),
        (ConnectTimeoutError(endpoint_url="u"), "unavailable", "endpoint"),
    ],
)
@pytest.mark.parametrize("rotated", [False, True])
def test_a_secrets_manager_that_does_not_give_it(
    account: Account,
    error: Exception,
    fault: str,
    words: str,
    rotated: bool,  # noqa: FBT001 - a parameter of pytest's
) -> None:
    """At the first connection, or when it is fetched afresh: held, not dead; then it goes on."""
    drain = account.drain()
    if rotated:
        assert drain(ONE).stored == [0]
        account.rotate("second")
        account.secrets.set(password="second")
        account.another_connection()
    account.secrets.fails = error
    outcome = drain(ONE)
    assert outcome.faults == {0: fault}
    assert words in outcome.held[0]
    assert not outcome.dead
    account.secrets.fails = None
    assert drain(ONE).stored == [0]


def test_an_open_connection_needs_no_secrets_manager(account: Account) -> None:
    """It is asked when a connection is opened for the first time, and not again."""
    drain = account.drain()
    assert drain(ONE).stored == [0]
    account.secrets.fails = refusal("ThrottlingException")
    assert drain(ONE).stored == [0]
    account.another_connection()
    assert drain(ONE).stored == [0]


def test_a_dependent_message_outlives_an_outage_of_aws(account: Account, bench: Bench) -> None:
    """It is an outage: after it, the message that cures another may be just behind."""
    bench.sql("CREATE TABLE parents (id BIGINT PRIMARY KEY)")
    bench.sql("ALTER TABLE items ADD FOREIGN KEY (id) REFERENCES parents (id)")
    drain = account.drain()
    hours_ago = int((SystemClock().now() - 7 * 3600) * 1000)
    late = sent(ITEMS, ONE, first_received=hours_ago)
    account.secrets.fails = refusal("InternalServiceError", 500)
    assert drain(late).faults == {0: "unavailable"}
    account.secrets.fails = None
    outcome = drain(late)
    assert outcome.faults == {0: "dependent 1452"}
    assert not outcome.dead


def test_the_real_client(account: Account, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """On an emulated Secrets Manager, with the host in the secret; rotated there."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    where = account.address
    values = {"username": where.user, "host": where.host, "port": where.port}
    values |= {"dbname": where.database, "engine": "mysql"}
    with mock_aws():
        aws = boto3.client("secretsmanager", region_name="eu-west-1")

        def text(password: str) -> str:
            return json.dumps(values | {"password": password})

        made = aws.create_secret(Name="app", SecretString=text(PASSWORD))
        drain = bench.drain(ITEMS, mysql=MySQL.from_secret(made["ARN"]), clock=account.clock)
        assert drain(ONE).stored == [0]
        account.rotate("second")
        aws.put_secret_value(SecretId="app", SecretString=text("second"))
        account.another_connection()
        assert drain(ONE).stored == [0]
        missing = bench.drain(ITEMS, mysql=MySQL.from_secret("absent", region="eu-west-1"))
        assert "ResourceNotFoundException" in missing(ONE).held[0]


@pytest.mark.parametrize("fault", ["refused", "rotated", "unresolved", "unusable", "throttled"])
def test_nothing_secret_is_said(
    account: Account,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    """Not in a log, nor in an exception's text or traceback."""
    caplog.set_level(logging.DEBUG)
    more: dict[str, Any] = {}
    if fault == "refused":
        more = {"port": free_port()}
    elif fault == "rotated":
        account.rotate("second")
    elif fault == "unresolved":
        more = {"host": f"{PASSWORD[:3]}.invalid"}
        monkeypatch.setattr("durable_ingest.mysql.dial.socket.getaddrinfo", lambda *_, **__: [])
    elif fault == "unusable":
        account.secrets.text = f'{{"password": "{PASSWORD}"'
    else:
        account.secrets.fails = refusal("ThrottlingException")
    drain = account.drain(**more)
    with pytest.raises(BatchHeldError) as raised:
        drain.drainer.handle(sqs_event(sent(ITEMS, ONE)), LambdaContext(20))
    said = caplog.text + "".join(traceback.format_exception(raised.value)) + str(raised.value.held)
    assert "held" in said
    assert PASSWORD not in said


def test_a_url_needs_no_boto3(bench: Bench) -> None:
    """Not to connect and to write either: a cold start pays for what it uses."""
    bench.sql(ITEMS_TABLE)
    program = """
import json, sys
from pydantic import BaseModel
from durable_ingest import Drainer, MySQL, Table
from durable_ingest.testing import LambdaContext
class Item(BaseModel):
    id: int
    name: str
url, event = json.loads(sys.stdin.read())
drainer = Drainer(MySQL(url), Table("items", Item, key="id"))
print(drainer.handle(event, LambdaContext(20)))
print(sorted({"boto3", "botocore", "pymysql"} & set(sys.modules)))
"""
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", program],
        input=json.dumps([bench.url, sqs_event(sent(ITEMS, ONE))]),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == ["{'batchItemFailures': []}", "['pymysql']"]
