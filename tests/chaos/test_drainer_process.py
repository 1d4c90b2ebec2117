"""The parts of a drainer's process."""

import json
import threading
from pathlib import Path

from chaos.drainer import SecretFile, Watchdog
from durable_ingest.testing import eventually
from tests.chaos.test_fleet import PLAN


def test_the_secret_is_what_the_plan_has_now(tmp_path: Path) -> None:
    """A rotated password is in it, and where the server is."""
    secret = SecretFile(tmp_path, 0)
    for password in ("old", "new"):
        PLAN.with_password(password).save(tmp_path)
        assert json.loads(secret.get_secret_value(SecretId="chaos")["SecretString"]) == {
            "username": "chaos",
            "password": password,
            "host": "127.0.0.1",
            "port": 3,
            "dbname": "ingest",
        }


def test_the_watchdog_ends_what_runs_too_long() -> None:
    """Its time begins with each invocation."""
    killed = threading.Event()
    watchdog = Watchdog(0.5, killed.set)
    watchdog.begin()
    assert killed.wait(10)


def test_the_watchdog_leaves_alone_what_has_ended() -> None:
    """A later invocation is watched by itself."""
    kills: list[int] = []
    watchdog = Watchdog(0.5, lambda: kills.append(len(kills)))
    watchdog.begin()
    watchdog.end()
    other = Watchdog(0.75, lambda: kills.append(-1))
    other.begin()
    eventually(lambda: kills)
    assert kills[0] == -1
