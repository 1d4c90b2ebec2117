"""What docs/doctor.md has at hand when its commands are run: an account in moto, and a database."""

import os
import secrets
import shutil

import pytest
from moto.server import ThreadedMotoServer

from durable_ingest.testing.connection import Address, connect
from tests.contract import doctor_kit as kit
from tests.contract.accounts import documented
from tests.docs.blocks import ROOT

ADMIN = "DURABLE_INGEST_TEST_MYSQL_ADMIN_URL"
URL = "DURABLE_INGEST_MYSQL_URL"


class Account:
    """The example, deployed; `close` it at the end of the page."""

    def __init__(self) -> None:
        shutil.copytree(ROOT / "examples", "examples")
        self._patch = pytest.MonkeyPatch()
        kit.complete(self._patch)
        self._server = ThreadedMotoServer(port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        os.environ["AWS_ENDPOINT_URL"] = f"http://{host}:{port}"
        self.deployment = kit.Deployment("shop-")
        os.environ["DLQ_URL"] = self.deployment.dead_url
        self._admin = connect(os.environ[ADMIN])
        self._careful = self._sql("SELECT @@global.innodb_flush_log_at_trx_commit")[0][0]
        self._sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1")  # as Aurora has it
        self._user = self._drainers_account()

    def _drainers_account(self) -> str:
        """Run the migrations; let the drainer log in with the documented rights alone."""
        application = Address.parse(os.environ[URL])
        with connect(os.environ[URL]) as connection, connection.cursor() as cursor:
            for file in sorted((ROOT / "examples/customer_api/migrations").glob("*.sql")):
                cursor.execute(file.read_text())
        user, password = f"drainer_{secrets.token_hex(4)}", secrets.token_hex(8)
        self._sql(f"CREATE USER {user}@'%' IDENTIFIED BY '{password}'")
        rights = documented("drainer")["app.customers"]
        self._sql(f"GRANT {rights} ON `{application.database}`.customers TO {user}@'%'")
        where = f"{application.host}:{application.port}/{application.database}"
        os.environ[URL] = f"mysql://{user}:{password}@{where}"
        return user

    def _sql(self, text: str) -> tuple[tuple[object, ...], ...]:
        with self._admin.cursor() as cursor:
            cursor.execute(text)
            return tuple(cursor.fetchall())

    def close(self) -> None:
        """Leave the server as it was."""
        self._sql(f"SET GLOBAL innodb_flush_log_at_trx_commit = {self._careful}")
        self._sql(f"DROP USER {self._user}@'%'")
        self._admin.close()
        self._server.stop()
        self._patch.undo()
