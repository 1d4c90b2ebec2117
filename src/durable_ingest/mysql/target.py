"""MySQL: how to reach the database."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from durable_ingest.errors import ContractError, MisconfiguredError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from durable_ingest.clock import Clock
    from durable_ingest.contract import Contract
    from durable_ingest.ports import RememberingTable, RetryPolicy, Store

URL_VARIABLE: Final = "DURABLE_INGEST_MYSQL_URL"
SSL_MODES: Final = ("DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY")
"""As MySQL's own clients name them (Reference Manual, "Command Options for Encrypted
Connections")."""


@dataclass(frozen=True)
class MySQL:
    """How a drainer connects. Does no I/O by itself.

    Args:
        url: `mysql://user:password@host:3306/database` (also `mysql+pymysql://`). User and
            password are percent-encoded.
        ssl_ca: a file of certificate authorities, such as the RDS certificate bundle; the
            system's if none is given.
        ssl_mode: one of `SSL_MODES`. The default verifies certificate and host name; to loopback
            addresses, where no certificate can say more, it means PREFERRED unless `ssl_ca` is
            given.
        connect_timeout: seconds for name, connection, TLS and log-in together.
        read_timeout: seconds that an answer may take. Lock waits are set to less.

    Raises:
        ContractError: an argument is wrong; the text never holds the password.
    """

    url: str = field(repr=False)
    ssl_ca: str | None = field(default=None, kw_only=True)
    ssl_mode: str = field(default="VERIFY_IDENTITY", kw_only=True)
    connect_timeout: float = field(default=3.0, kw_only=True)
    read_timeout: float = field(default=10.0, kw_only=True)

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            port_is_a_number = parts.port is None or parts.port > 0
        except (ValueError, AttributeError, TypeError):
            port_is_a_number = False
        if not port_is_a_number or parts.scheme not in ("mysql", "mysql+pymysql"):
            problem = "must be mysql://user:password@host:3306/database"
            raise ContractError("url", problem)
        for what, given in (("host", parts.hostname), ("user", parts.username)):
            if not given:
                raise ContractError("url", f"names no {what}")
        if parts.query not in ("", "charset=utf8mb4"):
            raise ContractError("url", "takes no parameters; give them as arguments")
        if self.ssl_mode not in SSL_MODES:
            raise ContractError("ssl_mode", f"must be one of {', '.join(SSL_MODES)}")
        for name in ("connect_timeout", "read_timeout"):
            if getattr(self, name) <= 0:
                raise ContractError(name, "must be more than 0 seconds")

    @classmethod
    def from_env(
        cls,
        *,
        ssl_ca: str | None = None,
        ssl_mode: str = "VERIFY_IDENTITY",
        connect_timeout: float = 3.0,
        read_timeout: float = 10.0,
    ) -> MySQL:
        """Take the URL from the environment variable DURABLE_INGEST_MYSQL_URL.

        Raises:
            MisconfiguredError: the variable is not set.
        """
        url = os.environ.get(URL_VARIABLE)
        if not url:
            msg = f"{URL_VARIABLE} is not set; set it to mysql://user:password@host:3306/database"
            raise MisconfiguredError(msg)
        return cls(
            url,
            ssl_ca=ssl_ca,
            ssl_mode=ssl_mode,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
        )

    @cached_property
    def host(self) -> str:
        """The server's name or address."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The server's port."""
        return urlsplit(self.url).port or 3306

    @property
    def user(self) -> str:
        """Who logs in."""
        return unquote(urlsplit(self.url).username or "")

    @property
    def password(self) -> str:
        """The password, or ""."""
        return unquote(urlsplit(self.url).password or "")

    @property
    def database(self) -> str | None:
        """The default schema, or None."""
        return unquote(urlsplit(self.url).path.lstrip("/")) or None

    @cached_property
    def tls(self) -> ssl.SSLContext | None:
        """The TLS settings; None where TLS is not insisted on.

        Raises:
            MisconfiguredError: `ssl_ca` cannot be read.
        """
        if self.ssl_mode == "DISABLED" or self._prefers_tls():
            return None
        verifies = self.ssl_mode in ("VERIFY_CA", "VERIFY_IDENTITY")
        try:
            if self.ssl_ca is not None and not Path(self.ssl_ca).is_file():
                raise FileNotFoundError(self.ssl_ca)
            context = ssl.create_default_context(cafile=self.ssl_ca)
        except (OSError, ssl.SSLError) as error:
            msg = f"ssl_ca: {self.ssl_ca!r} cannot be read as certificates ({error})"
            raise MisconfiguredError(msg) from error
        context.check_hostname = self.ssl_mode == "VERIFY_IDENTITY"
        context.verify_mode = ssl.CERT_REQUIRED if verifies else ssl.CERT_NONE
        return context

    def open(
        self,
        contracts: Sequence[Contract],
        clock: Clock,
        retry: RetryPolicy,
        inbox: RememberingTable | None = None,
    ) -> Store:
        """Make a drainer's store. Connects when the first row is written."""
        from durable_ingest.mysql.store import MySQLStore  # noqa: PLC0415 - PyMySQL loads here

        return MySQLStore(self, contracts, clock, retry, inbox=inbox)

    def _prefers_tls(self) -> bool:
        if self.ssl_mode == "PREFERRED":
            return True
        unverifiable = self.ssl_mode == "VERIFY_IDENTITY" and self.ssl_ca is None
        return unverifiable and _is_loopback(self.host)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
