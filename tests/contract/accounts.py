"""Database accounts with the rights that the documentation gives them, and no others."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from durable_ingest.testing import DatabaseServer
from durable_ingest.testing.connection import Address
from durable_ingest.testing.servers import DATABASE

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
EVERY_TABLE = f"`{DATABASE}%`.*"
"""Every table of every database of the tests."""


def documented(user: str) -> dict[str, str]:
    """Give the rights that the page grants to one of its users, by the table."""
    grants = re.findall(
        r"^GRANT ([A-Z, ]+) ON (\S+) TO '(\w+)'@'%';$", PAGE.read_text(), re.MULTILINE
    )
    return {table: rights for rights, table, grantee in grants if grantee == user}


@dataclass(frozen=True)
class Account:
    """A user of the server."""

    server: DatabaseServer
    user: str
    password: str

    def grant(self, rights: str, table: str) -> None:
        """Let the user do something."""
        self.server.execute(f"GRANT {rights} ON {table} TO {self.user}@'%'")

    def revoke(self, rights: str, table: str) -> None:
        """Take a right back."""
        self.server.execute(f"REVOKE {rights} ON {table} FROM {self.user}@'%'")

    def url(self, url: str) -> str:
        """Put the user in the place of the application's, if the URL names that one."""
        given = Address.parse(url)
        if given.user != Address.parse(self.server.url).user:
            return url
        return replace(given, user=self.user, password=self.password).url


@contextmanager
def account(server: DatabaseServer) -> Iterator[Account]:
    """Make a user without any right."""
    made = Account(server, f"clerk_{secrets.token_hex(4)}", secrets.token_hex(8))
    server.execute(f"CREATE USER {made.user}@'%' IDENTIFIED BY '{made.password}'")
    yield made
    server.execute(f"DROP USER {made.user}@'%'")
