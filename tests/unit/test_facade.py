"""`import durable_ingest`: what is visible, and what is not loaded."""

import subprocess
import sys

import pytest

import durable_ingest

_NAMES = "Command Drainer Enqueuer Inbox MySQL Receipt Reject Retry Table __version__"


def fresh(code: str) -> str:
    """Run code in a new interpreter; give what it prints."""
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-W", "error", "-c", code],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


_LOADED = """
import sys
heavy = {"boto3", "botocore", "pymysql", "durable_ingest.poller", "durable_ingest.workers"}
print(*sorted(heavy & set(sys.modules)))
"""
_CONTRACT = """
from pydantic import BaseModel
from durable_ingest import Table
class Row(BaseModel):
    id: str
rows = Table("rows", Row, key="id")
"""


def test_what_is_visible_is_what_is_exported() -> None:
    """Before and after the names are loaded."""
    assert sorted(durable_ingest.__all__) == sorted(_NAMES.split())
    assert sorted(dir(durable_ingest)) == sorted(durable_ingest.__all__)
    for name in durable_ingest.__all__:
        assert getattr(durable_ingest, name) is not None
    assert sorted(dir(durable_ingest)) == sorted(durable_ingest.__all__)


def test_visible_in_a_fresh_interpreter() -> None:
    """Nothing has to be loaded first."""
    assert fresh("import durable_ingest as d; print(*sorted(dir(d)))").split() == sorted(
        _NAMES.split()
    )


def test_other_names_are_missing() -> None:
    """With the error that hasattr expects."""
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        durable_ingest.Nothing  # type: ignore[attr-defined] # noqa: B018 - the access is the test


def test_the_version_is_text() -> None:
    """Major, minor, patch."""
    assert len(durable_ingest.__version__.split(".")) == 3


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        pytest.param("import durable_ingest", {"boto3", "botocore", "pymysql"}, id="import"),
        pytest.param(
            _CONTRACT + "from durable_ingest import Drainer, MySQL\n"
            "Drainer(MySQL('mysql://u:p@db.example/app'), rows,"
            " dead_letter_queue_url='https://sqs.eu-west-1.amazonaws.com/1/d.fifo')",
            {"boto3", "botocore", "durable_ingest.poller", "durable_ingest.workers"},
            id="a drainer",
        ),
        pytest.param(
            "from durable_ingest import MySQL\n"
            "MySQL.from_secret('app', host='db.example')\n"
            "MySQL.from_iam('db.example', user='app', database='d')",
            {"boto3", "botocore", "pymysql"},
            id="credentials",
        ),
        pytest.param(
            _CONTRACT + "from durable_ingest import Enqueuer\n"
            "Enqueuer('https://sqs.eu-west-1.amazonaws.com/1/q.fifo', rows)",
            {"pymysql"},
            id="an enqueuer",
        ),
        pytest.param(
            _CONTRACT + "from durable_ingest import Enqueuer\n"
            "from durable_ingest.apigateway import endpoint\n"
            "endpoint(Enqueuer('https://sqs.eu-west-1.amazonaws.com/1/q.fifo', rows), rows)",
            {"pymysql"},
            id="an endpoint",
        ),
    ],
)
def test_what_is_not_needed_is_not_loaded(code: str, absent: set[str]) -> None:
    """A cold start pays for what it uses."""
    assert not absent & set(fresh(code + _LOADED).split())


def test_a_drainer_loads_nothing_of_the_command_line() -> None:
    """What looks at a deployment is for people, not for functions."""
    code = (
        _CONTRACT
        + "from durable_ingest import Drainer, MySQL\n"
        + "Drainer(MySQL('mysql://u:p@db.example/app'), rows)\n"
        + "import sys; print(*sorted(sys.modules))"
    )
    loaded = fresh(code).split()
    beside = ("cli", "doctor", "mysql.inspection")
    assert "durable_ingest.drainer" in loaded
    assert not [name for name in loaded if name.removeprefix("durable_ingest.").startswith(beside)]
    assert "click" not in loaded


_LATER = ("tenacity", "pydantic.networks", "boto3")


def test_a_drainer_loads_pymysql_and_nothing_that_works_on_batches() -> None:
    """Lambda gives the init phase more CPU than an invocation: what takes long belongs there."""
    code = (
        _CONTRACT
        + "from durable_ingest import Drainer, MySQL\n"
        + "Drainer(MySQL('mysql://u:p@db.example/app'), rows)\n"
        + "import sys; print(*sorted(sys.modules))"
    )
    loaded = set(fresh(code).split())
    assert "pymysql" in loaded
    assert not loaded & set(_LATER)
    ours = {name.removeprefix("durable_ingest.") for name in loaded if "durable_ingest." in name}
    checks = "annotations backoff clock contract errors fields names scalars value"
    works = "drainer mysql mysql.credentials mysql.keeping mysql.store mysql.target"
    assert ours == {*checks.split(), *works.split()}


def test_an_enqueuer_loads_no_tenacity() -> None:
    """Nothing has failed yet."""
    code = (
        _CONTRACT
        + "from durable_ingest import Enqueuer\n"
        + "Enqueuer('https://sqs.eu-west-1.amazonaws.com/1/q.fifo', rows)\n"
        + "import sys; print(*sorted(sys.modules))"
    )
    loaded = set(fresh(code).split())
    assert "durable_ingest.enqueuer" in loaded
    assert not loaded & {*_LATER, "pymysql", "durable_ingest.wiring"}


def test_the_heavy_modules_are_there_to_be_loaded() -> None:
    """Or the tests above would say nothing."""
    assert fresh("import boto3, pymysql" + _LOADED) == "boto3 botocore pymysql"
