"""Log-ins that AWS is asked for: kept in Secrets Manager, or signed by IAM."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from durable_ingest.answers import SendFailure
from durable_ingest.bounded import run_within
from durable_ingest.errors import DatabaseUnavailableError, MisconfiguredError
from durable_ingest.mysql.credentials import HIGHEST_PORT, PORT, Login

if TYPE_CHECKING:
    from collections.abc import Callable

    from durable_ingest.deadline import Deadline

_DIGITS: Final = re.compile("[0-9]{1,5}")
_REGION_OF_ARN: Final = re.compile(r"^arn:[a-z-]+:secretsmanager:([a-z0-9-]+):")
_REGION_OF_HOST: Final = re.compile(
    r"\.([a-z0-9-]+)\.rds\.amazonaws\.com$|\.rds\.([a-z0-9-]+)\.amazonaws\.com\.cn$"
)
_SECRETS_MANAGER: Final = "Secrets Manager"
_AWS: Final = "AWS"


class Secret:
    """A secret of Secrets Manager: fetched when it is first needed, and kept.

    Its text is JSON as RDS writes it: `username` and `password`; `host`, `port` and `dbname` where
    it has them (the secrets that RDS manages itself have none). Arguments win over it.

    Args:
        secret_id: its name or ARN.
        host: where the server is.
        port: 3306 if the secret names none either.
        database: the default schema.
        region: the ARN's, or the environment's, if none is given.
        timeout: seconds that a request may take; at the deadline it is given up earlier.
        client: a boto3 Secrets Manager client.
    """

    need_tls = False

    def __init__(  # noqa: PLR0913 - each by name
        self,
        secret_id: str,
        *,
        host: str | None,
        port: int | None,
        database: str | None,
        region: str | None,
        timeout: float,
        client: Any,  # noqa: ANN401 - boto3 makes its clients' classes at run time
    ) -> None:
        self.secret_id = secret_id
        self._host = host
        self._port = port
        self._database = database
        found = _REGION_OF_ARN.search(secret_id)
        region = region or (found[1] if found else None)
        self._client = _Client(client, "secretsmanager", region, timeout)
        self._kept: Login | None = None

    @property
    def remedy(self) -> str:
        """What to mend where the server refuses the log-in."""
        secret = f"secret {self.secret_id!r}"
        return f"{secret}, fetched afresh, is refused: set it to what the database has"

    def login(self, deadline: Deadline, refused: Login | None = None) -> Login:
        """Give the kept log-in, or the current one where none is kept or the kept one is refused.

        A fetch that is given up keeps what it still gets, for the next attempt.
        """
        kept = self._kept
        if kept is not None and kept != refused:
            return kept
        return _bounded(deadline, _SECRETS_MANAGER, self._fetch)

    def _fetch(self) -> Login:
        from durable_ingest.aws import secret_string  # noqa: PLC0415 - loads boto3

        text = secret_string(self._client, self.secret_id)
        if isinstance(text, SendFailure):
            raise _failed(
                text,
                _SECRETS_MANAGER,
                f"secret {self.secret_id!r} cannot be read: it must exist in the region asked"
                " (region=), and the function's role needs secretsmanager:GetSecretValue on it, and"
                " kms:Decrypt where a key of your own encrypts it",
            )
        self._kept = self._read(text)
        return self._kept

    def _read(self, text: str) -> Login:
        try:
            given = json.loads(text)
        except ValueError:  # its text quotes nothing, but its `doc` is the secret
            given = None
        if not isinstance(given, dict):
            raise self._unusable("holds no JSON object", "let it be one with username and password")
        for name in ("username", "password"):
            if not isinstance(given.get(name), str) or not given[name]:
                raise self._unusable(f"names no {name}", f"add {name!r} to its JSON")
        host = self._host or given.get("host")
        if not isinstance(host, str) or not host:
            raise self._unusable("names no host, as those that RDS manages never do", "pass host=")
        database = self._database or given.get("dbname") or None
        return Login(
            host=host,
            port=self._port or self._read_port(given.get("port")),
            user=given["username"],
            password=given["password"],
            database=None if database is None else str(database),
        )

    def _read_port(self, given: object) -> int:
        if given in (None, ""):
            return PORT
        text = str(given)
        if not (_DIGITS.fullmatch(text) and 0 < int(text) <= HIGHEST_PORT):
            raise self._unusable("names a port that is none", "pass port=")
        return int(text)

    def _unusable(self, what: str, remedy: str) -> MisconfiguredError:
        return MisconfiguredError(f"secret {self.secret_id!r} {what}; {remedy}")


class Token:
    """IAM database authentication: a token signed for each new connection.

    A token is good for 15 minutes and is looked at when its connection logs in, not later (Aurora
    User Guide, "IAM database authentication"). It is signed here, for exactly this host and port.

    Args:
        host: the cluster's, instance's or proxy's own endpoint; a token for an alias is refused.
        port: the server's.
        user: the database's user.
        database: the default schema.
        region: the endpoint's, or the environment's, if none is given.
        timeout: seconds that looking AWS' own credentials up may take.
        client: a boto3 RDS client.
    """

    need_tls = True

    def __init__(  # noqa: PLR0913 - each by name
        self,
        host: str,
        *,
        port: int,
        user: str,
        database: str,
        region: str | None,
        timeout: float,
        client: Any,  # noqa: ANN401 - boto3 makes its clients' classes at run time
    ) -> None:
        self._host = host
        self._port = port
        self._user = user
        self._database = database
        found = _REGION_OF_HOST.search(host)
        self._region = region or (found and (found[1] or found[2])) or None
        self._client = _Client(client, "rds", self._region, timeout)

    @property
    def remedy(self) -> str:
        """What to mend where the server refuses the log-in."""
        return (
            f"the function's role needs rds-db:connect on the database's user {self._user!r}, who"
            " must be IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS'; host= must be the server's"
            " own endpoint"
        )

    def login(self, deadline: Deadline, refused: Login | None = None) -> Login:
        """Sign a token; after a refused one with AWS' credentials looked up anew."""
        if refused is not None:
            self._client.forget()
        return _bounded(deadline, _AWS, self._sign)

    def _sign(self) -> Login:
        from durable_ingest.aws import auth_token  # noqa: PLC0415 - loads boto3

        token = auth_token(self._client, self._host, self._port, self._user, self._region)
        if isinstance(token, SendFailure):
            raise _failed(
                token,
                _AWS,
                "no IAM token can be signed: the function needs a role, and a region (region=)"
                " where the host's name has none",
            )
        return Login(
            host=self._host,
            port=self._port,
            user=self._user,
            password=token,
            database=self._database,
        )


class _Client:
    """A boto3 client: the one given, or one that is made when it is first needed."""

    def __init__(self, given: Any, service: str, region: str | None, timeout: float) -> None:  # noqa: ANN401
        self._given = self._kept = given
        self._service = service
        self._region = region
        self._timeout = timeout

    def __call__(self) -> Any:  # noqa: ANN401 - boto3 makes its clients' classes at run time
        from durable_ingest.aws import client_of  # noqa: PLC0415 - loads boto3

        if self._kept is None:
            self._kept = client_of(self._service, self._region, self._timeout)
        return self._kept

    def forget(self) -> None:
        """Make another next time, unless one was given."""
        self._kept = self._given


def _bounded(deadline: Deadline, who: str, operation: Callable[[], Login]) -> Login:
    """Neither a name's resolution nor an answer that trickles is bounded by a client's limits."""
    try:
        return run_within(deadline.remaining(), operation)
    except TimeoutError:
        raise _unavailable(who, "no answer in time") from None


def _failed(failure: SendFailure, who: str, remedy: str) -> Exception:
    if failure.retryable:
        return _unavailable(who, failure.code)
    return MisconfiguredError(f"{remedy} ({failure.code})")


def _unavailable(who: str, code: str) -> DatabaseUnavailableError:
    return DatabaseUnavailableError(
        f"no credentials from {who} ({code}); a function in a VPC needs an interface endpoint or a"
        " NAT gateway to reach it"
    )
