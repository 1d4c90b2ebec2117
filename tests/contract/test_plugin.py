"""The pytest plugin in a team's own project: README's three files, a schema, and ten lines."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from durable_ingest.testing import DatabaseServer, provisioning

pytestmark = pytest.mark.database

CONTRACT = """
from durable_ingest import Table
from pydantic import BaseModel

class Customer(BaseModel):
    customer_id: str
    email: str

customers = Table("customers", Customer, key="customer_id", sequence="ingest_sequence")
"""
PRODUCER = """
import os
from contract import customers
from durable_ingest import Enqueuer
from durable_ingest.apigateway import endpoint

handler = endpoint(Enqueuer(os.environ["QUEUE_URL"], customers), customers)
"""
DRAINER = """
import os
from contract import customers
from durable_ingest import Drainer, MySQL

drainer = Drainer(MySQL.from_env(), customers, dead_letter_queue_url=os.environ["DLQ_URL"])
handler = drainer.handle
"""
SCHEMA = """
CREATE TABLE customers (
    customer_id VARCHAR(64) NOT NULL PRIMARY KEY,
    email VARCHAR(20) NOT NULL,
    ingest_sequence DECIMAL(39, 0)
)
"""
TESTS = """
from durable_ingest.testing import http_event

ADA = {"customer_id": "c1", "email": "ada@example.com"}

def test_a_write_survives_the_upgrade(ingest_mysql, ingest_queue, ingest_env, ingest_context):
    ingest_mysql.apply("schema.sql")
    producer, drainer = ingest_env.load("producer", "drainer")
    with ingest_mysql.outage():
        assert producer.handler(http_event(ADA), ingest_context)["statusCode"] == 202
        assert len(ingest_queue.deliver(drainer.handler).held) == 1
    assert len(ingest_queue.deliver(drainer.handler).stored) == 1
    assert ingest_mysql.rows("customers")[0]["email"] == "ada@example.com"

def test_five_hundred_writes_survive(ingest_mysql, ingest_queue, ingest_env, ingest_context):
    ingest_mysql.apply("schema.sql")
    producer, drainer = ingest_env.load("producer", "drainer")
    with ingest_mysql.outage():
        for n in range(500):
            record = {"customer_id": f"c{n % 50}", "email": f"{n}@example.com"}
            producer.handler(http_event(record), ingest_context)
        assert len(ingest_queue.deliver(drainer.handler).held) == 500
    assert len(ingest_queue.deliver(drainer.handler).stored) == 500
    last = {row["customer_id"]: row["email"] for row in ingest_mysql.rows("customers")}
    assert last == {f"c{n % 50}": f"{n}@example.com" for n in range(450, 500)}

def test_a_lost_answer_and_a_failing_entry(
    ingest_mysql, ingest_queue, ingest_env, ingest_context
):
    ingest_mysql.apply("schema.sql")
    producer, drainer = ingest_env.load("producer", "drainer")
    with ingest_queue.fail_entries(times=1) as fault:
        assert producer.handler(http_event(ADA), ingest_context)["statusCode"] == 202
    assert fault.hits == 1
    with ingest_mysql.lose_commit_answer() as fault:
        assert len(ingest_queue.deliver(drainer.handler).stored) == 1
    assert fault.lost == 1

def test_months_pass(ingest_mysql, ingest_queue, ingest_env, ingest_context):
    ingest_mysql.apply("schema.sql")
    producer, drainer = ingest_env.load("producer", "drainer")
    producer.handler(http_event(ADA), ingest_context)
    with ingest_mysql.outage():
        ingest_queue.deliver(drainer.handler)
        ingest_queue.advance(14 * 86400 - 3600)
        [letter] = ingest_queue.deliver(drainer.handler).dead_lettered
    assert letter.reason.startswith("expiring")
"""
WRONG = """
from durable_ingest.testing import http_event

def test_a_long_email(ingest_mysql, ingest_queue, ingest_env, ingest_context):
    ingest_mysql.apply("schema.sql")
    producer, drainer = ingest_env.load("producer", "drainer")
    record = {"customer_id": "c1", "email": "a-long-name@a-long-host.example.com"}
    producer.handler(http_event(record), ingest_context)
    assert ingest_queue.deliver(drainer.handler).dead_lettered == ()

def test_no_schema(ingest_mysql, ingest_queue, ingest_env, ingest_context):
    producer, drainer = ingest_env.load("producer", "drainer")
    producer.handler(http_event({"customer_id": "c1", "email": ""}), ingest_context)
    assert ingest_queue.deliver(drainer.handler).held == ()
"""
IMPORTS = """
import sys

def test_nothing_is_imported():
    heavy = {"boto3", "botocore", "pymysql", "pydantic", "docker", "testcontainers", "http.server"}
    assert heavy & set(sys.modules) == set()
    loaded = {name for name in sys.modules if name.startswith("durable_ingest.")}
    plugin = {"durable_ingest.testing", "durable_ingest.testing.plugin"}
    assert loaded - {"durable_ingest._version"} == plugin
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A team's project; its handlers in `src`, its tests beside them."""
    (tmp_path / "src").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "src" / "contract.py").write_text(CONTRACT)
    (tmp_path / "src" / "producer.py").write_text(PRODUCER)
    (tmp_path / "src" / "drainer.py").write_text(DRAINER)
    (tmp_path / "schema.sql").write_text(SCHEMA)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    return tmp_path


def run(project: Path, tests: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the team's tests with an interpreter of their own."""
    (project / "tests" / "test_team.py").write_text(tests)
    command = [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider", "-q"]
    return subprocess.run(  # noqa: S603  our own program
        command,
        cwd=project,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def at(database: DatabaseServer) -> dict[str, str]:
    """Name the tests' server, so that none is started."""
    return {provisioning.URL: database.url, provisioning.ADMIN_URL: database.admin_url}


def test_a_teams_tests_pass_and_need_ten_lines(project: Path, database: DatabaseServer) -> None:
    """On a server that runs already; with warnings as errors."""
    ran = run(project, TESTS, **at(database))
    assert ran.returncode == 0, ran.stdout
    assert "4 passed" in ran.stdout
    test = re.search(r"def test_a_write_survives.*?\n\n", TESTS, re.DOTALL)
    assert test is not None
    assert len(test[0].strip().splitlines()) <= 10


def test_failures_say_which_record_and_why(project: Path, database: DatabaseServer) -> None:
    """In pytest's own words."""
    ran = run(project, WRONG, **at(database))
    assert ran.returncode == 1
    assert "rejected: column 'email': a value is too long for its column" in ran.stdout
    assert "'customer_id': 'c1'" in ran.stdout
    assert "table 'customers' does not exist" in ran.stdout


def test_without_any_server_the_ways_to_one_are_listed(project: Path) -> None:
    """And no stack trace."""
    ran = run(project, TESTS, **{provisioning.SERVER: "container", "DOCKER_HOST": "unix:///none"})
    assert ran.returncode == 1
    assert "no MySQL or MariaDB to test with; any of these would do:" in ran.stdout
    assert "  - a container (Docker; image in DURABLE_INGEST_TEST_MYSQL_IMAGE): " in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr


def test_nothing_is_imported_until_a_fixture_is_used(project: Path) -> None:
    """The plugin costs a run that does not need it nothing."""
    ran = run(project, IMPORTS)
    assert ran.returncode == 0, ran.stdout
