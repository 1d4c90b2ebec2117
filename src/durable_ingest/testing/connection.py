"""Database URLs, and plain PyMySQL connections to what they name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    from pymysql.connections import Connection


@dataclass(frozen=True, kw_only=True)
class Address:
    """The parts of `mysql://user:password@host:port/database`."""

    user: str
    password: str
    host: str
    port: int
    database: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a URL; `mysql+pymysql://` too.

        Raises:
            ValueError: another scheme, or no host, user or database.
        """
        parts = urlsplit(url)
        database = unquote(parts.path.removeprefix("/"))
        if parts.scheme not in {"mysql", "mysql+pymysql"} or not (
            parts.hostname and parts.username and database
        ):
            # The URL itself stays out of the message: it holds a password.
            message = "a database URL looks like mysql://user:password@host:3306/database"
            raise ValueError(message)
        return cls(
            user=unquote(parts.username),
            password=unquote(parts.password or ""),
            host=parts.hostname,
            port=parts.port or 3306,
            database=database,
        )

    @property
    def url(self) -> str:
        """The URL."""
        account = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return f"mysql://{account}@{self.host}:{self.port}/{quote(self.database, safe='')}"


def connect(
    url: str, *, autocommit: bool = True, timeout: float = 30.0, client_flag: int = 0
) -> "Connection[Any]":
    """Open a plain PyMySQL connection.

    Args:
        url: see `Address`.
        autocommit: whether each statement is committed by itself.
        timeout: seconds that each wait for the server may take.
        client_flag: of `pymysql.constants.CLIENT`.
    """
    import pymysql  # noqa: PLC0415  loaded at first use

    address = Address.parse(url)
    return pymysql.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        database=address.database,
        charset="utf8mb4",
        autocommit=autocommit,
        connect_timeout=max(1, round(timeout)),
        read_timeout=timeout,
        write_timeout=timeout,
        client_flag=client_flag,
        ssl_disabled=True,  # loopback; loading certificate authorities costs more than the rest
    )


def run(url: str, sql: str, args: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """Execute one statement on a connection of its own; return its rows."""
    connection = connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, tuple(args) or None)
            return list(cursor.fetchall())
    finally:
        connection.close()
