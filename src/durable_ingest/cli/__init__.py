"""The command `durable-ingest`. Install with `durable-ingest[cli]`."""

import sys


def main() -> None:
    """Run the command line; the entry point of `durable-ingest`."""
    try:
        import click  # noqa: F401, PLC0415 - is it installed?
    except ImportError:
        sys.exit("durable-ingest needs click: pip install 'durable-ingest[cli]'")
    from durable_ingest.cli.commands import cli  # noqa: PLC0415 - after click is known to be there

    cli()
