"""MySQL: how to reach the database."""

from __future__ import annotations

import os
import ssl
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from durable_ingest.errors import ContractError, MisconfiguredError
from durable_ingest.mysql.credentials import HIGHEST_PORT, PORT, Known, Login
from durable_ingest.value import Frozen, arguments_are_read_only

if TYPE_CHECKING:
    from collections.abc import Sequence

    from durable_ingest.clock import Clock
    from durable_ingest.contract import Contract
    from durable_ingest.mysql.credentials import Credentials
    from durable_ingest.ports import RememberingTable, RetryPolicy, Store

URL_VARIABLE: Final = "DURABLE_INGEST_MYSQL_URL"
SSL_MODES: Final = ("DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY")
"""As MySQL's own clients name them (Reference Manual, "Command Options for Encrypted
Connections")."""
UNENCRYPTED_MODES: Final = ("DISABLED", "PREFERRED")


@arguments_are_read_only
class MySQL(Frozen):
    """How a drainer connects. Does no I/O by itself.

    Args:
        url: `mysql://user:password@host:3306/database` (also `mysql+pymysql://`). User and
            password are percent-encoded.
        ssl_ca: a file of certificate authorities, such as the RDS certificate bundle; the
            system's if none is given.
        ssl_mode: one of `SSL_MODES`. The default verifies certificate and host name; to loopback
            addresses, where no certificate can say more, it means PREFERRED unless `ssl_ca` is
            given.
        connect_timeout: seconds for credentials, name, connection, TLS and log-in together.
        read_timeout: seconds that an answer may take. Lock waits are set to less.

    Raises:
        ContractError: an argument is wrong; the text never holds the password.
    """

    _hidden = ("url", "_fetched")

    url: str
    ssl_ca: str | None
    ssl_mode: str
    connect_timeout: float
    read_timeout: float
    _fetched: Credentials | None

    def __init__(
        self,
        url: str,
        *,
        ssl_ca: str | None = None,
        ssl_mode: str = "VERIFY_IDENTITY",
        connect_timeout: float = 3.0,
        read_timeout: float = 10.0,
        _fetched: Credentials | None = None,
    ) -> None:
        super().__init__(
            url=url,
            ssl_ca=ssl_ca,
            ssl_mode=ssl_mode,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            _fetched=_fetched,
        )
        needs_tls = self.credentials.need_tls
        if self.ssl_mode not in SSL_MODES:
            raise ContractError("ssl_mode", f"must be one of {', '.join(SSL_MODES)}")
        if needs_tls and self.ssl_mode in UNENCRYPTED_MODES:
            problem = f"IAM tokens travel over TLS alone, and {self.ssl_mode} may do without"
            raise ContractError("ssl_mode", f"{problem}; take VERIFY_IDENTITY")
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

    @classmethod
    def from_secret(  # noqa: PLR0913 - each by name
        cls,
        secret_id: str,
        *,
        host: str | None = None,
        port: int | None = None,
        database: str | None = None,
        region: str | None = None,
        ssl_ca: str | None = None,
        ssl_mode: str = "VERIFY_IDENTITY",
        connect_timeout: float = 3.0,
        read_timeout: float = 10.0,
        client: Any = None,  # noqa: ANN401 - boto3 makes its clients' classes at run time
    ) -> MySQL:
        """Take user and password from Secrets Manager, fetched when a connection is first opened.

        The secret is kept, and fetched afresh where the server refuses it, as after a rotation.
        The role needs secretsmanager:GetSecretValue.

        Args:
            secret_id: the secret's name or ARN. Its text is JSON as RDS writes it, with
                `username` and `password`, and `host`, `port` and `dbname` where it has them.
            host: the server's name. Secrets that RDS manages itself do not have it. What is given
                here wins over the secret.
            port: 3306 if the secret has none either.
            database: the default schema.
            region: the secret's; that of its ARN or of the environment, if none is given.
            ssl_ca: as for `MySQL`, and so are the other three.
            ssl_mode: see there.
            connect_timeout: see there.
            read_timeout: see there.
            client: a boto3 Secrets Manager client; made when it is first needed, if none is given.

        Raises:
            ContractError: an argument is wrong.
        """
        from durable_ingest.mysql.fetched import Secret  # noqa: PLC0415 - for those who ask AWS

        _check_texts(secret_id=secret_id)
        _check_texts(optional=True, host=host, database=database, region=region)
        if port is not None:
            _check_port(port)
        secret = Secret(
            secret_id,
            host=host,
            port=port,
            database=database,
            region=region,
            timeout=connect_timeout,
            client=client,
        )
        return cls(
            "",
            ssl_ca=ssl_ca,
            ssl_mode=ssl_mode,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            _fetched=secret,
        )

    @classmethod
    def from_iam(  # noqa: PLR0913 - each by name
        cls,
        host: str,
        *,
        user: str,
        database: str,
        port: int = PORT,
        region: str | None = None,
        ssl_ca: str | None = None,
        ssl_mode: str = "VERIFY_IDENTITY",
        connect_timeout: float = 3.0,
        read_timeout: float = 10.0,
        client: Any = None,  # noqa: ANN401 - boto3 makes its clients' classes at run time
    ) -> MySQL:
        """Log in with IAM database authentication: a token is signed for each new connection.

        The role needs rds-db:connect on the database's user. The token is sent as it is, so TLS
        is insisted on, to loopback addresses too.

        Args:
            host: the endpoint of the cluster, instance or proxy itself: AWS signs for no alias.
            user: the database's user.
            database: the default schema.
            port: the server's.
            region: the server's; that of the endpoint or of the environment, if none is given.
            ssl_ca: as for `MySQL`, and so are the two time limits.
            ssl_mode: REQUIRED, VERIFY_CA or VERIFY_IDENTITY.
            connect_timeout: see there.
            read_timeout: see there.
            client: a boto3 RDS client; made when it is first needed, if none is given.

        Raises:
            ContractError: an argument is wrong.
        """
        from durable_ingest.mysql.fetched import Token  # noqa: PLC0415 - for those who ask AWS

        _check_texts(host=host, user=user, database=database)
        _check_texts(optional=True, region=region)
        _check_port(port)
        token = Token(
            host,
            port=port,
            user=user,
            database=database,
            region=region,
            timeout=connect_timeout,
            client=client,
        )
        return cls(
            "",
            ssl_ca=ssl_ca,
            ssl_mode=ssl_mode,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            _fetched=token,
        )

    @cached_property
    def credentials(self) -> Credentials:
        """Where each connection's log-in comes from."""
        return self._fetched or Known(_read(self.url))

    def tls(self, host: str) -> ssl.SSLContext | None:
        """Give the TLS settings for a server; None where TLS is not insisted on.

        Raises:
            MisconfiguredError: `ssl_ca` cannot be read.
        """
        if self.ssl_mode in UNENCRYPTED_MODES or self._is_unverifiable(host):
            return None
        return self._context

    @cached_property
    def _context(self) -> ssl.SSLContext:
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

    def _is_unverifiable(self, host: str) -> bool:
        """No certificate says more about a loopback address than the address does."""
        if self.credentials.need_tls or self.ssl_mode != "VERIFY_IDENTITY":
            return False
        return self.ssl_ca is None and is_loopback(host)

    def open(
        self,
        contracts: Sequence[Contract],
        clock: Clock,
        retry: RetryPolicy,
        inbox: RememberingTable | None = None,
    ) -> Store:
        """Make a drainer's store. Connects when the first row is written."""
        import pymysql  # noqa: F401, PLC0415 - here, and not when time runs; as boto3

        from durable_ingest.mysql.store import MySQLStore  # noqa: PLC0415

        if self._fetched is not None:
            import durable_ingest.aws  # noqa: F401, PLC0415

        return MySQLStore(self, contracts, clock, retry, inbox=inbox)


def _read(url: str) -> Login:
    try:
        parts = urlsplit(url)
        port_is_a_number = parts.port is None or parts.port > 0
    except (ValueError, AttributeError, TypeError):
        port_is_a_number = False
    if not port_is_a_number or parts.scheme not in ("mysql", "mysql+pymysql"):
        raise ContractError("url", "must be mysql://user:password@host:3306/database")
    for what, given in (("host", parts.hostname), ("user", parts.username)):
        if not given:
            raise ContractError("url", f"names no {what}")
    if parts.query not in ("", "charset=utf8mb4"):
        raise ContractError("url", "takes no parameters; give them as arguments")
    return Login(
        host=parts.hostname or "",
        port=parts.port or PORT,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=unquote(parts.path.lstrip("/")) or None,
    )


def _check_texts(*, optional: bool = False, **arguments: object) -> None:
    for name, value in arguments.items():
        if optional and value is None:
            continue
        if not isinstance(value, str) or not value:
            raise ContractError(name, "must be a text that is not empty")


def _check_port(port: object) -> None:
    if not isinstance(port, int) or not 0 < port <= HIGHEST_PORT:
        raise ContractError("port", f"must be a number from 1 to {HIGHEST_PORT}")


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine, which nobody listens to on the way."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
