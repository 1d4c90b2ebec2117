"""What `durable-ingest` can be told."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from durable_ingest._version import __version__
from durable_ingest.cli.doctor import doctor
from durable_ingest.cli.drain import drain
from durable_ingest.cli.letters import dead_letters
from durable_ingest.cli.plan import plan
from durable_ingest.errors import DurableIngestError
from durable_ingest.mysql.inbox import Inbox
from durable_ingest.mysql.target import SSL_MODES, URL_VARIABLE, MySQL

if TYPE_CHECKING:
    from collections.abc import Callable

_DEFAULT = Inbox()


class _Group(click.Group):
    """A group in which this library's errors end the command with their text, exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's
        try:
            return super().invoke(ctx)
        except DurableIngestError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Look after the queue and the database of durable_ingest."""


cli.add_command(doctor)
cli.add_command(plan)
cli.add_command(drain)
cli.add_command(dead_letters)


@cli.group()
def inbox() -> None:
    """Make and prune the table by which each effect happens once."""


def _of_an_inbox(command: Callable[..., None]) -> Callable[..., None]:
    """Add what every command about an inbox takes."""
    options = (
        click.option("--table", default=_DEFAULT.table, show_default=True, help="The inbox."),
        click.option("--ssl-ca", help="File of certificate authorities."),
        click.option(
            "--ssl-mode",
            type=click.Choice(SSL_MODES),
            default="VERIFY_IDENTITY",
            show_default=True,
            help="What TLS insists on.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Answer in JSON."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@inbox.command(
    epilog=f"""\b
    Example: {URL_VARIABLE}=mysql://user:password@host/database \\
    durable-ingest inbox create"""
)
@_of_an_inbox
def create(table: str, ssl_ca: str | None, ssl_mode: str, *, as_json: bool) -> None:
    """Make the inbox, unless it is there.

    The database's URL is taken from the environment variable DURABLE_INGEST_MYSQL_URL. Its user
    needs the privileges CREATE and SELECT on the inbox.
    """
    Inbox(table).create(MySQL.from_env(ssl_ca=ssl_ca, ssl_mode=ssl_mode))
    _say(f"the inbox {table} is there", {"table": table}, as_json=as_json)


@inbox.command(epilog="Example: durable-ingest inbox prune --keep-days 45 --within 60")
@_of_an_inbox
@click.option(
    "--keep-days",
    type=click.FloatRange(min=0, min_open=True),
    default=_DEFAULT.keep / timedelta(days=1),
    show_default=True,
    help="Forget messages that are older.",
)
@click.option(
    "--within",
    type=click.FloatRange(min=0, min_open=True),
    help="Begin no further batch after so many seconds.  [default: go on until all is done]",
)
def prune(  # noqa: PLR0913 - each by name
    table: str,
    ssl_ca: str | None,
    ssl_mode: str,
    keep_days: float,
    within: float | None,
    *,
    as_json: bool,
) -> None:
    """Forget old messages, in small batches, while drainers go on.

    The database's URL is taken from the environment variable DURABLE_INGEST_MYSQL_URL. Its user
    needs the privileges SELECT and DELETE on the inbox.
    """
    mysql = MySQL.from_env(ssl_ca=ssl_ca, ssl_mode=ssl_mode)
    pruned = Inbox(table, timedelta(days=keep_days)).prune(mysql, within=within)
    _say(f"forgot {pruned} messages", {"table": table, "pruned": pruned}, as_json=as_json)


def _say(text: str, facts: dict[str, Any], *, as_json: bool) -> None:
    click.echo(json.dumps(facts) if as_json else text)
