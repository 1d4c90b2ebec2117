"""A server that is not ours, taken away from the tests' clients as if it went down."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from durable_ingest.testing.connection import Address, run
from durable_ingest.testing.proxy import TcpProxy
from durable_ingest.testing.servers import GivenServer
from durable_ingest.testing.waiting import free_port

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class LeasedServer(GivenServer):
    """A given server behind a proxy of its own, which does what an outage looks like to clients.

    Stopped and killed, it refuses connections and ends open ones; frozen, it lets nothing pass.
    The server itself goes on. Only `read_only` changes it, and needs `admin_url` for that; so
    lend one that nobody else uses.
    """

    def __init__(self, url: str, admin_url: str | None = None) -> None:
        """Open the proxy; the server is running."""
        self.port = free_port()
        self._server_url = url
        self._server_admin_url = admin_url or url
        self._proxy: TcpProxy | None = None
        self._is_read_only = False
        through = [
            replace(Address.parse(given), host="127.0.0.1", port=self.port).url
            for given in (self._server_url, self._server_admin_url)
        ]
        super().__init__(*through)
        self._open()

    @property
    def running(self) -> bool:
        """Whether the proxy accepts connections."""
        return self._proxy is not None

    def start(self, *, read_only: bool = False) -> None:
        """Accept connections again."""
        if self.running:
            message = "the server runs already"
            raise RuntimeError(message)
        if read_only != self._is_read_only:
            self.read_only(read_only)
        self._open()

    def stop(self) -> None:
        """Refuse connections, and end the open ones."""
        if self._proxy is not None:
            self._proxy.release()
            self._proxy.__exit__()
            self._proxy = None

    def kill(self) -> None:
        """Do as `stop` does."""
        self.stop()

    def freeze(self) -> None:
        """Let nothing pass."""
        if self._proxy is not None:
            self._proxy.hold()

    def thaw(self) -> None:
        """Let everything pass again."""
        if self._proxy is not None:
            self._proxy.release()

    def read_only(self, on: bool) -> None:  # noqa: FBT001 - see DatabaseServer
        """Set the server's own variable."""
        mysql = self._flavour_at_the_server() == "mysql"
        name = "super_read_only" if on and mysql else "read_only"
        self._at_the_server(f"SET GLOBAL {name} = {int(on)}")
        self._is_read_only = on

    def close(self) -> None:
        """Give the server back as it was: writable, and without the databases made here."""
        if not self.running:
            self._open()
        self.thaw()
        super().close()
        self.stop()

    def _open(self) -> None:
        address = Address.parse(self._server_url)
        self._proxy = TcpProxy(address.port, address.host, listen=self.port)
        self._proxy.__enter__()

    def _flavour_at_the_server(self) -> str:
        version = str(self._at_the_server("SELECT VERSION()")[0][0]).lower()
        return "mariadb" if "mariadb" in version else "mysql"

    def _at_the_server(self, sql: str, args: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return run(self._server_admin_url, sql, args)
