"""The plugin's smaller fixtures: time, contexts, events, and what handler modules find."""

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.testing import (
    ContextMaker,
    EventBuilders,
    IngestEnvironment,
    IngestQueue,
    VirtualClock,
    eventually,
)


def test_waiting_costs_no_time(ingest_clock: VirtualClock) -> None:
    """The library's clock is the test's; real time passes on it as well."""
    before = SYSTEM_CLOCK.now(), SYSTEM_CLOCK.monotonic()
    SYSTEM_CLOCK.sleep(86_400)
    assert ingest_clock.now() - before[0] >= 86_400
    assert ingest_clock.monotonic() - before[1] >= 86_400
    mark = ingest_clock.monotonic()
    assert eventually(lambda: ingest_clock.monotonic() > mark)


def test_time_does_not_go_back(ingest_clock: VirtualClock) -> None:
    """Neither by sleeping."""
    with pytest.raises(ValueError, match="does not go back"):
        ingest_clock.sleep(-1)


def test_the_librarys_clock_is_given_back() -> None:
    """No test is left on another's time."""
    monkeypatch = pytest.MonkeyPatch()
    clock = VirtualClock()
    clock.sleep(1e6)
    monkeypatch.setattr(SYSTEM_CLOCK, "now", clock.now)
    ahead = SYSTEM_CLOCK.now()
    monkeypatch.undo()
    assert SYSTEM_CLOCK.now() < ahead - 1e5


def test_a_context_counts_down(ingest_context: ContextMaker, ingest_clock: VirtualClock) -> None:
    """From 30 s, or what it was asked for; on the test's time."""
    short = ingest_context(timeout=3.0)
    assert 29_000 < ingest_context.get_remaining_time_in_millis() <= 30_000
    ingest_clock.sleep(2.5)
    assert 0 < short.get_remaining_time_in_millis() <= 500
    ingest_clock.sleep(2.5)
    assert short.get_remaining_time_in_millis() == 0


def test_events_are_built(ingest_events: EventBuilders) -> None:
    """By shorter names."""
    assert ingest_events.http({"a": 1})["body"] == '{"a": 1}'
    assert ingest_events.rest({"a": 1})["httpMethod"] == "POST"
    assert ingest_events.sqs(ingest_events.record("x"))["Records"][0]["body"] == "x"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with modules."""
    (tmp_path / "src").mkdir()
    (tmp_path / "plugin_shared.py").write_text("RECORDS = []\n")
    (tmp_path / "src" / "plugin_handler.py").write_text(
        "import os\nimport plugin_shared\nURL = os.environ['QUEUE_URL']\nMARK = object()\n"
    )
    (tmp_path / "plugin_database.py").write_text(
        "import os\nURL = os.environ['DURABLE_INGEST_MYSQL_URL']\n"
    )
    return tmp_path


@pytest.fixture
def ingest_folders(project: Path) -> list[Path]:
    """Look for modules there."""
    return [project]


def test_modules_are_loaded_anew(ingest_env: IngestEnvironment, ingest_queue: IngestQueue) -> None:
    """A handler each time, what it imports once; the variables are the test's."""
    [first] = ingest_env.load("plugin_handler")
    assert ingest_queue.url == first.URL
    ingest_env.set(QUEUE_URL="elsewhere")
    [second] = ingest_env.load("plugin_handler")
    assert ("elsewhere", ingest_queue.url) == (second.URL, first.URL)
    assert second.MARK is not first.MARK
    assert second.plugin_shared is first.plugin_shared


def test_what_was_loaded_is_forgotten(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all that it brought; modules of others stay."""
    environment = IngestEnvironment(monkeypatch, [project])
    monkeypatch.setenv("QUEUE_URL", "there")
    environment.load("plugin_handler")
    assert "plugin_shared" in sys.modules
    environment.close()
    assert not {"plugin_handler", "plugin_shared"} & set(sys.modules)
    assert "os" in sys.modules


def test_packages_are_left_as_they_were(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither does one keep a module that was forgotten, nor lose one that was there before."""
    (project / "plugin_package").mkdir()
    for name in ("__init__", "new", "old"):
        (project / "plugin_package" / f"{name}.py").touch()
    monkeypatch.syspath_prepend(project)
    package = importlib.import_module("plugin_package")
    old = importlib.import_module("plugin_package.old")
    environment = IngestEnvironment(monkeypatch, [project])
    new, other = environment.load("plugin_package.new", "plugin_package.old")
    environment.load("plugin_package.old")
    assert (package.new, other is old) == (new, False)
    environment.close()
    assert not hasattr(package, "new")
    assert sys.modules["plugin_package.old"] is package.old is old
    for name in ("plugin_package", "plugin_package.old"):
        monkeypatch.delitem(sys.modules, name)


def test_the_library_is_not_forgotten(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it lies in the team's own tree: its classes would be there twice."""
    (project / "durable_ingest_stand_in.py").touch()
    (project / "plugin_library.py").write_text(
        "import sys, durable_ingest_stand_in\n"
        "sys.modules['durable_ingest.plugin_stand_in'] = durable_ingest_stand_in\n"
    )
    environment = IngestEnvironment(monkeypatch, [project])
    environment.load("plugin_library")
    environment.close()
    assert "durable_ingest.plugin_stand_in" in sys.modules
    monkeypatch.delitem(sys.modules, "durable_ingest.plugin_stand_in")


def test_a_packages_modules_are_not_taken_for_pythons(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where tests lie beside handlers, in a package."""
    package = project / "plugin_shadows"
    package.mkdir()
    for name in ("__init__", "colorsys"):
        (package / f"{name}.py").touch()
    (package / "plugin_flat.py").write_text("import colorsys\n")
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    environment = IngestEnvironment(monkeypatch, [package, project])
    flat, dotted = environment.load("plugin_flat", "plugin_shadows.plugin_flat")
    environment.close()
    assert hasattr(flat.colorsys, "rgb_to_hsv")
    assert hasattr(dotted.colorsys, "rgb_to_hsv")


def test_a_module_that_is_not_there_says_where_it_was_looked_for(
    ingest_env: IngestEnvironment, project: Path
) -> None:
    """Folder by folder, and nothing of a database."""
    with pytest.raises(ModuleNotFoundError) as caught:
        ingest_env.load("plugin_handlre")
    assert caught.value.__notes__ == [f"looked in {project}"]


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A developer's shell, with variables that lead to something real."""
    session = boto3.Session(aws_access_key_id="real", aws_secret_access_key="real")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    (tmp_path / "config").write_text(
        "[default]\nuse_fips_endpoint = true\nignore_configured_endpoint_urls = true\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_DEFAULT_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    monkeypatch.setenv("DURABLE_INGEST_MYSQL_URL", "mysql://real:secret@db.example/app")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "intranet.example")


@pytest.mark.usefixtures("production", "ingest_env")
def test_nothing_real_reaches_a_handler(ingest_queue: IngestQueue) -> None:
    """Neither credentials nor a database, nor a proxy; its own clients find the queue."""
    assert "AWS_PROFILE" not in os.environ
    assert "AWS_SESSION_TOKEN" not in os.environ
    assert "DURABLE_INGEST_MYSQL_URL" not in os.environ
    assert os.environ["AWS_ACCESS_KEY_ID"] == "test"
    assert os.environ["no_proxy"] == "intranet.example,127.0.0.1"
    client = boto3.client("sqs")
    client.send_message(
        QueueUrl=ingest_queue.url, MessageBody="a", MessageGroupId="a", MessageDeduplicationId="a"
    )
    assert len(ingest_queue.messages()) == 1
    session: Any = boto3.DEFAULT_SESSION
    assert session.get_credentials().access_key == "test"


def test_boto3s_default_session_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps credentials, which are not the next test's."""
    before = object()
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", before)
    environment = IngestEnvironment(monkeypatch, [])
    boto3.setup_default_session()
    environment.close()
    assert boto3.DEFAULT_SESSION is before


def test_a_drainer_without_a_database_is_told_what_to_ask_for(
    ingest_env: IngestEnvironment,
) -> None:
    """The error names the fixture."""
    with pytest.raises(KeyError) as caught:
        ingest_env.load("plugin_database")
    assert "`ingest_mysql`" in "".join(caught.value.__notes__)


def test_the_library_may_be_imported_before_pytest_starts(tmp_path: Path) -> None:
    """As an editor's test runner does; with warnings as errors. It is the wheel that may fail."""
    (tmp_path / "test_one.py").write_text("def test_one(): pass")
    program = "import durable_ingest, pytest, sys; sys.exit(pytest.main(['-Werror']))"
    ran = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
