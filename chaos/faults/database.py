"""What happens to the database server."""

import contextlib
import threading
from functools import partial
from typing import TYPE_CHECKING

import pymysql

from chaos.faults import Fault
from chaos.faults.rivals import storm
from chaos.schedule import Kind, Strike
from durable_ingest.testing import Action, eventually
from durable_ingest.testing.connection import connect
from durable_ingest.testing.proxy import pass_all

if TYPE_CHECKING:
    from chaos.plan import Lane
    from chaos.stage import Stage

COMMITS_WITHIN = 3.0
FEW_CONNECTIONS = 12
MOST_FILLERS = 4000
COMMIT = b"\x03COMMIT"
UPSERT = b"\x03INSERT"


def restart(stage: "Stage", strike: Strike) -> int:
    """Shut the server down and start it again."""
    stage.server.stop()
    stage.pause(strike.seconds)
    stage.server.start()
    return 1


def fail_over(stage: "Stage", strike: Strike) -> int:
    """Shut the server down; it comes back read-only, as a reader that is not promoted yet."""
    stage.server.stop()
    stage.server.start(read_only=True)
    stage.pause(strike.seconds)
    stage.server.read_only(on=False)
    return 1


def kill_in_mid_commit(stage: "Stage", strike: Strike) -> int:
    """SIGKILL the server just when a COMMIT, or a write that needs none, is on its way."""
    now = threading.Event()

    def watch(request: bytes) -> Action:
        if request.startswith((COMMIT, UPSERT)):
            now.set()
        return Action.PASS

    stage.watch = watch
    try:
        met = now.wait(COMMITS_WITHIN)
        stage.server.kill()
    finally:
        stage.watch = pass_all
    stage.pause(strike.seconds)
    stage.server.start()
    return int(met)


def frozen(stage: "Stage", strike: Strike) -> int:
    """Let the server hang: connections stay open and nothing answers."""
    stage.server.freeze()
    try:
        stage.pause(strike.seconds)
    finally:
        stage.server.thaw()
    return 1


def read_only(stage: "Stage", strike: Strike) -> int:
    """Let it refuse writes."""
    stage.server.read_only(on=True)
    try:
        stage.pause(strike.seconds)
    finally:
        stage.server.read_only(on=False)
    return 1


def connections_killed(stage: "Stage", strike: Strike) -> int:
    """Kill the application's connections, again and again."""
    ended = 0
    for _ in range(max(1, round(strike.seconds * 2))):
        ended += stage.end_connections()
        stage.pause(0.5)
    return ended


def connection_limit(stage: "Stage", strike: Strike) -> int:
    """Let others take all connections that the server has."""
    [(usual,)] = stage.server.execute("SELECT @@global.max_connections")
    with contextlib.ExitStack() as stack:
        stack.callback(_insist, stage, f"SET GLOBAL max_connections = {int(usual)}")
        stage.server.execute(f"SET GLOBAL max_connections = {FEW_CONNECTIONS}")
        stage.end_connections()
        hogs = 0
        with contextlib.suppress(pymysql.err.Error):
            while hogs < FEW_CONNECTIONS:
                stack.enter_context(contextlib.closing(connect(stage.application_url())))
                hogs += 1
        stage.pause(strike.seconds)
    return hogs


def _insist(stage: "Stage", sql: str) -> None:
    """Execute as root until it works: root's one spare connection may be taken as well."""

    def done() -> bool:
        try:
            stage.server.execute(sql)
        except (pymysql.err.Error, OSError):
            return False
        return True

    eventually(done, within=60.0, every=0.1, what=sql)


def password_rotated(stage: "Stage", strike: Strike) -> int:
    """Change the application's password and end its connections; the secret follows later."""
    password = stage.set_password()
    try:
        ended = stage.end_connections()
        stage.pause(strike.seconds)
    finally:
        stage.publish_password(password)
    return ended


def disk_full(stage: "Stage", strike: Strike) -> int:
    """Leave the server no room: neither on its disk, nor inside the journals' files."""
    if stage.disk is None:
        return 0
    stage.disk.fill()
    try:
        full = sum(_has_no_room(lane) for lane in stage.plan.lanes)
        stage.pause(strike.seconds)
    finally:
        stage.disk.free()
    ensure_up(stage)  # a server may end itself where its disk is full
    for lane in stage.plan.lanes:
        eventually(partial(_is_tidy, lane), within=60.0, every=0.2, what="the tidying up")
    return full


def _has_no_room(lane: "Lane") -> bool:
    """Use up the pages that the journal's file has left."""
    sql = "INSERT INTO journal (`key`, n, filler) VALUES ('', 0, REPEAT('x', 8000))"
    with contextlib.suppress(pymysql.err.Error):
        with contextlib.closing(connect(lane.direct_mysql_url)) as connection:
            for _ in range(MOST_FILLERS):
                connection.query(sql)
        return False
    return True


def _is_tidy(lane: "Lane") -> bool:
    """Remove what used the pages up, unless it met a lock."""
    try:
        with (
            contextlib.closing(connect(lane.direct_mysql_url)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            cursor.execute("DELETE FROM journal WHERE filler IS NOT NULL")
    except pymysql.err.OperationalError:
        return False
    return True


def ensure_up(stage: "Stage") -> None:
    """Heal whatever is left of any fault."""
    stage.server.thaw()
    eventually(lambda: _is_up(stage), within=120.0, every=0.2, what="the server's answer")
    stage.server.read_only(on=False)


def _is_up(stage: "Stage") -> bool:
    """Start the server again where it has ended itself, at once or a moment later."""
    try:
        if not stage.server.running:
            stage.server.start()
        stage.server.execute("SELECT 1")
    except (pymysql.err.Error, OSError, RuntimeError):
        return False
    return True


FAULTS = {
    "server stopped and started": Fault(restart, Kind(0.5, 3)),
    "failover to read-only": Fault(fail_over, Kind(0.5, 3)),
    "server killed in mid-commit": Fault(kill_in_mid_commit, Kind(0, 2, weight=2)),
    "server hangs": Fault(frozen, Kind(1, 5)),
    "read-only": Fault(read_only, Kind(1, 4)),
    "connections killed": Fault(connections_killed, Kind(1, 4, weight=2)),
    "connection limit": Fault(connection_limit, Kind(1, 4)),
    "password rotation": Fault(password_rotated, Kind(0.5, 2)),
    "deadlock storm": Fault(storm, Kind(2, 5, weight=2)),
    "disk full": Fault(disk_full, Kind(2, 4), needs_disk=True),
}
