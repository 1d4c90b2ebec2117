"""The parts of the testing kernel's servers that need no server."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

import durable_ingest.testing as facade
from durable_ingest.testing import (
    GivenServer,
    NoDatabaseServerError,
    NotControllableError,
    containers,
    processes,
    provisioning,
)
from durable_ingest.testing.connection import Address
from durable_ingest.testing.processes import ProcessServer
from durable_ingest.testing.waiting import eventually, free_port

URL = "mysql://ingest:p%40ss@127.0.0.1:3307/ingest"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start from an environment that chooses nothing."""
    for name in (provisioning.URL, provisioning.ADMIN_URL, provisioning.IMAGE, provisioning.SERVER):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def nothing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be on a machine without Docker and without a server program."""
    monkeypatch.setattr(containers, "why_no_docker", lambda: "Docker does not answer: no socket")
    monkeypatch.setattr(processes, "find", lambda *_: None)


def test_every_public_name_is_there() -> None:
    """`__all__` is sorted, and what it lists can be had."""
    assert facade.__all__ == sorted(facade.__all__)
    assert all(getattr(facade, name) is not None for name in facade.__all__)
    assert set(facade.__all__) <= set(dir(facade))


def test_the_package_imports_nothing_heavy() -> None:
    """A test suite that uses one builder does not pay for Docker's and AWS' clients."""
    code = (
        "import sys, durable_ingest.testing as t; t.sqs_record, t.provision, t.QueueService;"
        "print(*{'boto3', 'botocore', 'docker', 'pymysql', 'testcontainers'} & set(sys.modules))"
    )
    done = subprocess.run(  # noqa: S603  this Python, with the text above
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n"


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A misspelt name is reported as Python does."""
    with pytest.raises(AttributeError, match="no attribute 'Provision'"):
        _ = facade.Provision  # type: ignore[attr-defined]


def test_a_url_survives_parsing() -> None:
    """User, password and database are decoded, and encoded again."""
    address = Address.parse(URL)
    assert (address.user, address.password, address.port) == ("ingest", "p@ss", 3307)
    assert address.url == URL


@pytest.mark.parametrize("url", ["http://u:p@h/d", "mysql://h/d", "mysql://u:secret@h", "nonsense"])
def test_a_wrong_url_is_refused_without_its_password(url: str) -> None:
    """The error shows the form that is wanted and not the secret."""
    with pytest.raises(ValueError, match="looks like mysql://") as refused:
        Address.parse(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("name", ["start", "stop", "kill", "freeze", "thaw"])
def test_a_given_server_is_not_controlled(name: str) -> None:
    """Whatever would disturb others is refused."""
    with pytest.raises(NotControllableError):
        getattr(GivenServer(URL), name)()


def test_a_given_server_is_not_made_read_only() -> None:
    """Read-only would disturb others too."""
    with pytest.raises(NotControllableError):
        GivenServer(URL).read_only(on=True)


def test_a_given_url_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no control is asked for, the URL of the environment is taken."""
    monkeypatch.setenv(provisioning.URL, URL)
    server = provisioning.provision(control=False)
    assert isinstance(server, GivenServer)
    assert (server.url, server.admin_url, server.running) == (URL, URL, True)


def test_a_given_server_is_taken_away_from_its_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where control is asked for, the URL leads through a proxy that can refuse connections."""
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        given = f"mysql://u:p@127.0.0.1:{upstream.getsockname()[1]}/db"
        monkeypatch.setenv(provisioning.URL, given)
        server = provisioning.provision(control=True)
        assert server.url != given
        address = ("127.0.0.1", Address.parse(server.url).port)
        for _ in range(2):
            assert server.running
            socket.create_connection(address, 1).close()
            server.stop()
            with pytest.raises(OSError, match="refused"):
                socket.create_connection(address, 1)
            monkeypatch.setattr(server, "read_only", lambda _on: None)
            server.start()
        server.close()
    assert not server.running


@pytest.mark.usefixtures("nothing_here")
def test_without_any_server_the_text_lists_all_ways(capsys: pytest.CaptureFixture[str]) -> None:
    """The command says what each way lacks and exits with 3."""
    assert provisioning.main() == 3
    text = capsys.readouterr().out
    for expected in (provisioning.URL, "Docker does not answer", "apt-get install mariadb"):
        assert expected in text


@pytest.mark.usefixtures("nothing_here")
@pytest.mark.parametrize(("forced", "lines"), [("container", 1), ("process", 1), ("", 3)])
def test_a_forced_way_is_the_only_one(
    monkeypatch: pytest.MonkeyPatch, forced: str, lines: int
) -> None:
    """The environment can force containers or processes."""
    monkeypatch.setenv(provisioning.SERVER, forced)
    with pytest.raises(NoDatabaseServerError) as refused:
        provisioning.choose()
    assert str(refused.value).count("\n  - ") == lines


def test_an_unknown_forced_way_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt setting does not fall through to something else."""
    monkeypatch.setenv(provisioning.SERVER, "vm")
    with pytest.raises(ValueError, match="'vm'"):
        provisioning.choose()


def test_a_container_comes_before_a_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where Docker answers and has the image, it is taken; the command names the image."""
    monkeypatch.setattr(containers, "why_no_docker", lambda: "")
    monkeypatch.setattr(containers, "find_image", lambda wanted: (wanted or "mysql:8.4", ""))
    assert provisioning.main() == 0
    assert capsys.readouterr().out == "a container of mysql:8.4\n"


def test_a_process_comes_last(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without Docker the program of this machine is taken."""
    monkeypatch.setattr(containers, "why_no_docker", lambda: "no Docker")
    monkeypatch.setattr(processes, "_SEARCH", str(tmp_path))
    make_program(tmp_path / "mysqld", "echo mysqld Ver 8.4.0")
    assert provisioning.main() == 0
    assert capsys.readouterr().out == f"a process of {tmp_path}/mysqld\n"


def test_mariadb_without_its_installer_is_no_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The refusal names what is missing."""
    monkeypatch.setattr(processes, "_SEARCH", str(tmp_path))
    make_program(tmp_path / "mariadbd", "echo mariadbd Ver 10.11.6-MariaDB")
    assert "mariadb-install-db" in processes.why_not()


def make_program(path: Path, script: str) -> str:
    """Write a shell script that stands for a server program."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return str(path)


def test_a_program_that_fails_says_so_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A failing initialisation raises with its output, and its directory is removed."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    program = make_program(
        tmp_path / "mysqld",
        'case "$*" in *--version*) echo mysqld Ver 8.4.0;; *) echo no space; exit 1;; esac',
    )
    with pytest.raises(RuntimeError, match="no space"), ProcessServer(program):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["mysqld"]


def test_a_server_that_ends_at_its_start_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nobody waits for a server that is gone: the error has the end of its log."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    program = make_program(
        tmp_path / "mysqld",
        'case "$*" in *--version*) echo mysqld Ver 8.4.0;; *initialize*) ;;'
        " *) echo port taken; exit 1;; esac",
    )
    with pytest.raises(RuntimeError, match="port taken"), ProcessServer(program):
        pass


def test_eventually_gives_the_first_true_answer() -> None:
    """It asks until the answer is true and returns that."""
    answers = iter([0, "", 7, 8])
    assert eventually(lambda: next(answers), every=0.001) == 7


@pytest.mark.parametrize("within", [0.0, 0.01])
def test_eventually_gives_up(within: float) -> None:
    """The error names what was waited for and the last answer."""
    with pytest.raises(TimeoutError, match=r"the row did not come true .* last answer: 0"):
        eventually(lambda: 0, within=within, what="the row")


def test_a_free_port_cannot_be_taken_by_a_client() -> None:
    """It lies below the range of outgoing connections."""
    assert 20_000 <= free_port() < 32_000
