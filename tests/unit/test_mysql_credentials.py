"""Where a log-in comes from: read, kept, fetched afresh; and what is said where there is none."""

import json
import threading
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    NoCredentialsError,
    NoRegionError,
    ReadTimeoutError,
)
from botocore.stub import Stubber

from durable_ingest import MySQL
from durable_ingest.clock import SystemClock
from durable_ingest.deadline import Deadline
from durable_ingest.errors import ContractError, DatabaseUnavailableError, MisconfiguredError
from durable_ingest.mysql.credentials import Login
from durable_ingest.testing import eventually
from tests.fake_aws import PASSWORD, Secrets, Signer, refusal
from tests.virtual_clock import VirtualClock

HOST = "db.cluster-abc.eu-west-1.rds.amazonaws.com"
ARN = "arn:aws:secretsmanager:eu-north-1:123456789012:secret:app-AbCdEf"
SOON = Deadline.after(VirtualClock(), 30.0)


def test_a_log_in_shows_no_password() -> None:
    """Neither as text, nor to what writes the elements of a sequence out."""
    login = Login("h", 3306, "app", PASSWORD, "d")
    assert PASSWORD not in repr(login)
    assert not isinstance(login, Sequence)
    with pytest.raises(TypeError):
        json.dumps(login)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of this machine counts."""
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")


def login(mysql: MySQL, refused: Login | None = None) -> Login:
    """Ask for a log-in."""
    return mysql.credentials.login(SOON, refused)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mysql://u:p@h/d", Login("h", 3306, "u", "p", "d")),
        ("mysql+pymysql://u@h:3307", Login("h", 3307, "u", "", None)),
        ("mysql://a%40b:%2F%3a@[::1]:1/x%20y", Login("::1", 1, "a@b", "/:", "x y")),
    ],
)
def test_a_url_is_a_log_in(url: str, expected: Login) -> None:
    """Its parts, decoded; it stays the same when it is refused."""
    mysql = MySQL(url)
    assert login(mysql) == expected
    assert login(mysql, refused=expected) == expected


@pytest.mark.parametrize(
    ("secret", "arguments", "expected"),
    [
        ({}, {"host": "h"}, Login("h", 3306, "app", PASSWORD, None)),
        (
            {"host": "h", "port": 3307, "dbname": "d", "engine": "mysql"},
            {},
            Login("h", 3307, "app", PASSWORD, "d"),
        ),
        ({"host": "h", "port": "3307"}, {}, Login("h", 3307, "app", PASSWORD, None)),
        ({"host": "h", "port": "", "dbname": ""}, {}, Login("h", 3306, "app", PASSWORD, None)),
        (
            {"host": "h", "port": 3307, "dbname": "d"},
            {"host": "other", "port": 1, "database": "e"},
            Login("other", 1, "app", PASSWORD, "e"),
        ),
    ],
)
def test_arguments_win_over_a_secret(
    secret: dict[str, Any], arguments: dict[str, Any], expected: Login
) -> None:
    """And stand in for what it lacks, as one that RDS manages lacks the host."""
    assert login(MySQL.from_secret("app", client=Secrets(**secret), **arguments)) == expected


def test_a_secret_is_fetched_once() -> None:
    """Not at construction, and not again for the next connection."""
    client = Secrets(host="h")
    mysql = MySQL.from_secret("app", client=client)
    assert client.asked == []
    assert login(mysql) == login(mysql)
    assert client.asked == ["app"]


def test_a_refused_secret_is_fetched_afresh() -> None:
    """Once for each log-in refused; another log-in that was refused earlier does not count."""
    client = Secrets(host="h")
    mysql = MySQL.from_secret("app", client=client)
    first = login(mysql)
    client.set(password="rotated")
    assert login(mysql) == first
    second = login(mysql, refused=first)
    assert second.password == "rotated"
    assert login(mysql, refused=first) == second
    assert len(client.asked) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "JSON"),
        ("", "JSON"),
        (f"{PASSWORD}", "JSON"),
        (f'["{PASSWORD}"]', "JSON"),
        (f'{{"password": "{PASSWORD}", "host": "h"}}', "username"),
        ('{"username": "app", "host": "h"}', "password"),
        ('{"username": "app", "password": "", "host": "h"}', "password"),
        ('{"username": "app", "password": 7, "host": "h"}', "password"),
        (f'{{"username": "app", "password": "{PASSWORD}"}}', "host="),
        (f'{{"username": "app", "password": "{PASSWORD}", "host": ""}}', "host="),
        (f'{{"username": "app", "password": "{PASSWORD}", "host": "h", "port": "x"}}', "port="),
        (f'{{"username": "app", "password": "{PASSWORD}", "host": "h", "port": 0}}', "port="),
        (f'{{"username": "app", "password": "{PASSWORD}", "host": "h", "port": 65536}}', "port="),
        (
            f'{{"username": "app", "password": "{PASSWORD}", "host": "h", "port": "{"9" * 9000}"}}',
            "port=",
        ),
    ],
)
def test_a_secret_that_cannot_be_used(text: str | None, words: str) -> None:
    """The text names the secret and the remedy, and holds nothing of what is in it."""
    client = Secrets()
    client.text = text
    with pytest.raises(MisconfiguredError, match="'app'") as raised:
        login(MySQL.from_secret("app", client=client))
    assert words in str(raised.value)
    assert PASSWORD not in str(raised.value)
    assert raised.value.__context__ is None


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (refusal("AccessDeniedException"), False),
        (refusal("ResourceNotFoundException"), False),
        (refusal("DecryptionFailure"), False),
        (refusal("InvalidRequestException"), False),
        (refusal("UnrecognizedClientException"), False),
        (NoCredentialsError(), False),
        (NoRegionError(), False),
        (refusal("ThrottlingException"), True),
        (refusal("InternalServiceError", 500), True),
        (refusal("ServiceUnavailable", 503), True),
        (ConnectTimeoutError(endpoint_url="u"), True),
        (ReadTimeoutError(endpoint_url="u"), True),
        (OSError(5, "broken"), True),
    ],
)
def test_a_secret_that_cannot_be_fetched(error: Exception, retryable: bool) -> None:  # noqa: FBT001 - a parameter of pytest's
    """An outage of AWS' is one of the database; a refusal is for somebody to mend."""
    client = Secrets(host="h")
    client.fails = error
    mysql = MySQL.from_secret("app", client=client)
    with pytest.raises(DatabaseUnavailableError if retryable else MisconfiguredError) as raised:
        login(mysql)
    remedy = "endpoint" if retryable else "secretsmanager:GetSecretValue"
    assert remedy in str(raised.value)
    assert "hush" not in str(raised.value)
    client.fails = None
    assert login(mysql).host == "h"


@pytest.fixture
def silent() -> Iterator[Secrets]:
    """A Secrets Manager that does not answer."""
    client = Secrets(host="h")
    client.answers.clear()
    yield client
    client.answers.set()


def test_a_secret_that_does_not_come_in_time(silent: Secrets) -> None:
    """It is given up; what still arrives is kept for the next attempt."""
    mysql = MySQL.from_secret("app", client=silent)
    with pytest.raises(DatabaseUnavailableError, match="no answer in time"):
        mysql.credentials.login(Deadline.after(SystemClock(), 0.05))
    silent.answers.set()
    eventually(lambda: not bounded_threads(), what="the end of the late fetch")
    assert login(mysql).password == PASSWORD
    assert len(silent.asked) == 1


def bounded_threads() -> list[threading.Thread]:
    """List what was left behind."""
    return [t for t in threading.enumerate() if t.name == "durable-ingest-bounded"]


def test_every_connection_has_a_token_of_its_own() -> None:
    """A token is good for 15 minutes, and a connection may come later."""
    client = Signer()
    mysql = MySQL.from_iam(HOST, user="app", database="d", port=3307, client=client)
    assert client.signed == []
    first, second = login(mysql), login(mysql)
    assert (first.host, first.port, first.user, first.database) == (HOST, 3307, "app", "d")
    assert first.password != second.password
    assert client.signed == [(HOST, 3307, "app", "eu-west-1")] * 2


@pytest.mark.parametrize(
    ("host", "region", "expected"),
    [
        (HOST, None, "eu-west-1"),
        (HOST, "us-east-1", "us-east-1"),
        ("p.proxy-abc.ap-south-1.rds.amazonaws.com", None, "ap-south-1"),
        ("db.abc.rds.cn-north-1.amazonaws.com.cn", None, "cn-north-1"),
        ("db.example", None, None),
    ],
)
def test_the_region_of_a_token(host: str, region: str | None, expected: str | None) -> None:
    """The endpoint's own, unless one is given."""
    client = Signer()
    login(MySQL.from_iam(host, user="app", database="d", region=region, client=client))
    assert client.signed[0][3] == expected


def test_a_token_is_what_boto3_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of its own client, which asks nobody: for this host, port and user, for 15 minutes."""
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    mysql = MySQL.from_iam("db.example", user="app", database="d")
    token = urlsplit(f"https://{login(mysql).password}")
    values = parse_qs(token.query)
    assert token.netloc == "db.example:3306"
    assert (values["Action"], values["DBUser"]) == (["connect"], ["app"])
    assert values["X-Amz-Expires"] == ["900"]
    assert "/eu-north-1/rds-db/" in values["X-Amz-Credential"][0]


def test_after_a_refused_token_awss_credentials_are_looked_up_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They may be what has expired; until then they are kept."""
    mysql = MySQL.from_iam(HOST, user="app", database="d")
    first = login(mysql)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
    assert "testing" in login(mysql).password
    assert "another" in login(mysql, refused=first).password


@pytest.mark.parametrize("lacks", ["region", "credentials"])
def test_a_token_that_cannot_be_signed(monkeypatch: pytest.MonkeyPatch, lacks: str) -> None:
    """The text has the remedy."""
    if lacks == "credentials":
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    host = HOST if lacks == "credentials" else "db.example"
    with pytest.raises(MisconfiguredError, match="role") as raised:
        login(MySQL.from_iam(host, user="app", database="d"))
    assert "region=" in str(raised.value)


def test_a_token_that_does_not_come_in_time() -> None:
    """The source of AWS' own credentials may hang."""
    client = Signer()
    client.answers.clear()
    mysql = MySQL.from_iam(HOST, user="app", database="d", client=client)
    with pytest.raises(DatabaseUnavailableError, match="no answer in time"):
        mysql.credentials.login(Deadline.after(SystemClock(), 0.05))
    client.answers.set()


@pytest.mark.parametrize(
    ("secret_id", "region", "variable", "expected"),
    [
        (ARN, None, None, "eu-north-1"),
        (ARN, None, "us-east-1", "eu-north-1"),
        (ARN, "us-west-2", None, "us-west-2"),
        ("app", None, "us-east-1", "us-east-1"),
    ],
)
def test_a_secrets_client_is_made_when_it_is_needed(
    monkeypatch: pytest.MonkeyPatch,
    secret_id: str,
    region: str | None,
    variable: str | None,
    expected: str,
) -> None:
    """In the secret's region; it asks once, within `connect_timeout`."""
    if variable:
        monkeypatch.setenv("AWS_REGION", variable)
    made: list[Any] = []
    make = boto3.session.Session.client

    def client(self: Any, service: str, **settings: Any) -> Any:  # noqa: ANN401
        made.append(make(self, service, **settings))  # type: ignore[call-overload]
        stubber = Stubber(made[-1])
        answer = {"SecretString": Secrets(host="h").text}
        stubber.add_response("get_secret_value", answer, {"SecretId": secret_id})
        stubber.activate()
        return made[-1]

    monkeypatch.setattr(boto3.session.Session, "client", client)
    mysql = MySQL.from_secret(secret_id, region=region, connect_timeout=6.0)
    assert made == []
    assert login(mysql).password == PASSWORD
    [only] = made
    assert only.meta.region_name == expected
    assert (only.meta.config.connect_timeout, only.meta.config.read_timeout) == (2.0, 4.0)
    assert only.meta.config.retries["total_max_attempts"] == 1


def test_no_region_at_all_is_said() -> None:
    """With the argument that names one."""
    with pytest.raises(MisconfiguredError, match="region="):
        login(MySQL.from_secret("app"))


@pytest.mark.parametrize(
    ("make", "argument", "positional", "named"),
    [
        (MySQL.from_secret, "secret_id", ("",), {}),
        (MySQL.from_secret, "secret_id", (None,), {}),
        (MySQL.from_secret, "host", ("app",), {"host": ""}),
        (MySQL.from_secret, "port", ("app",), {"port": "3306"}),
        (MySQL.from_secret, "port", ("app",), {"port": 0}),
        (MySQL.from_secret, "database", ("app",), {"database": ""}),
        (MySQL.from_secret, "region", ("app",), {"region": 7}),
        (MySQL.from_secret, "ssl_mode", ("app",), {"ssl_mode": "SOMETIMES"}),
        (MySQL.from_secret, "connect_timeout", ("app",), {"connect_timeout": 0}),
        (MySQL.from_secret, "read_timeout", ("app",), {"read_timeout": 0}),
        (MySQL.from_iam, "host", ("",), {"user": "u", "database": "d"}),
        (MySQL.from_iam, "user", (HOST,), {"user": "", "database": "d"}),
        (MySQL.from_iam, "database", (HOST,), {"user": "u", "database": ""}),
        (MySQL.from_iam, "port", (HOST,), {"user": "u", "database": "d", "port": 65536}),
        (MySQL.from_iam, "region", (HOST,), {"user": "u", "database": "d", "region": ""}),
        (MySQL.from_iam, "ssl_mode", (HOST,), {"user": "u", "database": "d", "ssl_mode": "NO"}),
    ],
)
def test_a_wrong_argument_is_named(
    make: Any,  # noqa: ANN401 - a class method
    argument: str,
    positional: tuple[Any, ...],
    named: dict[str, Any],
) -> None:
    """At construction."""
    with pytest.raises(ContractError) as raised:
        make(*positional, **named)
    assert raised.value.argument == argument


@pytest.mark.parametrize("mode", ["DISABLED", "PREFERRED"])
@pytest.mark.parametrize("host", [HOST, "127.0.0.1", "localhost", "::1"])
def test_tokens_are_not_sent_without_tls(host: str, mode: str) -> None:
    """To loopback addresses neither: the token is sent as it is."""
    with pytest.raises(ContractError, match="TLS") as raised:
        MySQL.from_iam(host, user="u", database="d", ssl_mode=mode)
    assert raised.value.argument == "ssl_mode"


@pytest.mark.parametrize("host", [HOST, "127.0.0.1", "localhost"])
def test_tls_is_verified_by_default(host: str) -> None:
    """A secret's as a URL's: not to loopback; a token's there too."""
    loopback = host != HOST
    by_url = MySQL(f"mysql://u:p@{host}/d")
    by_secret = MySQL.from_secret("app", host=host)
    by_token = MySQL.from_iam(host, user="u", database="d")
    for mysql, verified in ((by_url, not loopback), (by_secret, not loopback), (by_token, True)):
        context = mysql.tls(host)
        assert (context is not None) == verified
        if context is not None:
            assert context.check_hostname


def test_nothing_secret_is_shown() -> None:
    """Not in a repr either, before and after it is fetched."""
    secret = MySQL.from_secret("app", host="h", client=Secrets())
    token = MySQL.from_iam(HOST, user="u", database="d", client=Signer())
    for mysql in (secret, token):
        given = login(mysql)
        shown = repr(mysql) + repr(given) + repr(mysql.credentials)
        assert PASSWORD not in shown
    assert PASSWORD not in repr(login(MySQL(f"mysql://u:{PASSWORD}@h/d")))
