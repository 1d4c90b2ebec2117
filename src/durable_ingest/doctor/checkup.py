"""The whole check-up: what was seen, judged, and in the order of severity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from durable_ingest.contract import Command
from durable_ingest.doctor.catalogue import is_asked_for, is_looked_at
from durable_ingest.doctor.findings import Finding, error, in_order, unseen
from durable_ingest.doctor.functions import check_function
from durable_ingest.doctor.mappings import check_mappings
from durable_ingest.doctor.queues import LONGEST_RETENTION, check_dead_letters, check_queue
from durable_ingest.doctor.servers import check_commands, check_grants, check_server
from durable_ingest.doctor.survey import Survey, Surveyor
from durable_ingest.doctor.tables import check_inbox, check_keep, check_table
from durable_ingest.errors import DatabaseUnavailableError, MisconfiguredError
from durable_ingest.mysql.fetched import Secret
from durable_ingest.mysql.inbox import Inbox
from durable_ingest.mysql.inspection import inspect
from durable_ingest.mysql.target import MySQL

if TYPE_CHECKING:
    from durable_ingest.clock import Clock
    from durable_ingest.doctor.asking import Asker
    from durable_ingest.mysql.inspection import Inspection
    from durable_ingest.setup import Setup

_IN_AWS: Final = ("mapping", "function", "queue", "dead_letters")
_IN_MYSQL: Final = ("database", "table", "inbox")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is looked at, and by which measure."""

    queue_url: str | None = None
    function: str | None = None
    outage: float = 24 * 3600
    """How long a one has to be survived, in seconds."""
    only: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def wants(self, parts: tuple[str, ...]) -> bool:
        """Say whether any check of these parts is wanted."""
        return any(is_looked_at(part, self.only, self.ignored) for part in parts)


@dataclass(slots=True)
class Checkup:
    """What was looked at, and what was found."""

    looked_at: dict[str, str] = field(default_factory=dict)
    """By part, the name of what was seen."""
    findings: list[Finding] = field(default_factory=list)


def check_up(setup: Setup, choice: Choice, asker: Asker, clock: Clock) -> Checkup:
    """Look at everything that a drainer depends on, and judge it.

    Args:
        setup: what the drainer was made of.
        choice: what is looked at.
        asker: asks AWS.
        clock: for time limits.
    """
    done = Checkup()
    survey = Survey()
    if choice.wants(_IN_AWS):
        survey = Surveyor(asker, _secret(setup)).look(
            queue_url=choice.queue_url,
            function=choice.function,
            dead_letter_queue_url=setup.dead_letter_queue_url,
        )
        _judge_deployment(done, survey, setup, choice)
    if choice.wants(_IN_MYSQL):
        _judge_database(done, survey, setup, clock)
    wanted = [f for f in done.findings if is_asked_for(f.check, choice.only, choice.ignored)]
    done.findings = in_order(wanted)
    return done


def _judge_deployment(done: Checkup, survey: Survey, setup: Setup, choice: Choice) -> None:
    queue, dead, function = survey.queue, survey.dead, survey.function
    found = done.findings
    found += survey.unseen
    if survey.mappings is not None:
        found += check_mappings(
            survey.mappings, queue=queue, function=function, reports=setup.reports
        )
    if function is not None:
        done.looked_at["function"] = function.arn
        services = ["sqs", *(["secretsmanager"] if _secret(setup) else [])]
        found += check_function(function, services=services, concurrency=_concurrency(survey))
    if queue is not None:
        done.looked_at["queue"] = queue.arn
        timeout = None if function is None else function.timeout
        order_free = setup.order_free
        found += check_queue(
            queue, function_timeout=timeout, outage=choice.outage, order_free=order_free
        )
    if dead is not None:
        done.looked_at["dead_letters"] = dead.arn
    has_one = setup.dead_letter_queue_url is not None
    found += check_dead_letters(dead, queue, drainer_has_one=has_one)


def _judge_database(done: Checkup, survey: Survey, setup: Setup, clock: Clock) -> None:
    found = done.findings
    if isinstance(setup.inbox, Inbox):
        retentions = [
            LONGEST_RETENTION if each is None else each.retention
            for each in (survey.queue, survey.dead, survey.queue)
        ]
        found += check_keep(setup.inbox.keep.total_seconds(), sum(retentions))
    commands = [each.name for each in setup.contracts if isinstance(each, Command)]
    found += check_commands(commands)
    seen = _inspected(done, setup, clock)
    if seen is None:
        return
    done.looked_at["database"] = seen.host
    found += check_server(seen.server, concurrency=_concurrency(survey))
    if not commands:  # those may need any right
        found += check_grants(seen.server.grants)
    for state in seen.tables:
        found += check_table(state, has_inbox=setup.inbox is not None)
    if setup.inbox is not None and seen.inbox is not None:
        found += check_inbox(setup.inbox.table, seen.inbox)


def _inspected(done: Checkup, setup: Setup, clock: Clock) -> Inspection | None:
    if not isinstance(setup.database, MySQL):
        why = f"the drainer's database is a {type(setup.database).__name__}, no MySQL"
        done.findings.append(unseen("database", why, "give the drainer a MySQL"))
        return None
    try:
        return inspect(setup.database, setup.contracts, setup.inbox, clock)
    except DatabaseUnavailableError as problem:
        remedy = "run the doctor where the drainer's database can be reached, as in its VPC"
        done.findings.append(unseen("database", str(problem), remedy))
    except MisconfiguredError as problem:
        cost = "every message is held"
        remedy = "mend the drainer's account, secret or ssl_ca"
        done.findings.append(error("database.connection", str(problem), cost, remedy))
    return None


def _concurrency(survey: Survey) -> int | None:
    return survey.mappings[0].concurrency if survey.mappings else None


def _secret(setup: Setup) -> str | None:
    """Name the secret that the drainer logs in with; None where there is none."""
    given = setup.database.credentials if isinstance(setup.database, MySQL) else None
    return given.secret_id if isinstance(given, Secret) else None
