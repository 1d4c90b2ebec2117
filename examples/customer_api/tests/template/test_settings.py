"""What the template makes of the queues, the functions and the alarms."""

import json
import runpy

import pytest
from cfnlint.api import lint_file
from durable_ingest import metrics

from .moto_types import client
from .stack import (
    DEAD_LETTERS,
    DRAINER,
    QUEUE,
    SOURCE,
    TEMPLATE,
    TOPIC,
    Stack,
    only_own_endpoints,
    translated,
)

# The template as text


def test_cfn_lint_finds_nothing() -> None:
    """Errors, warnings and remarks alike."""
    assert [str(match) for match in lint_file(TEMPLATE)] == []


def test_queues_and_rows_outlive_the_stack() -> None:
    """They hold acknowledged writes."""
    resources = translated()["Resources"]
    kept = {"Queue": "Retain", "DeadLetterQueue": "Retain", "Cluster": "Snapshot"}
    for name, policy in kept.items():
        assert resources[name]["DeletionPolicy"] == policy
        assert resources[name]["UpdateReplacePolicy"] == policy


@pytest.mark.parametrize(
    "name", ["DatabaseHost", "DatabaseSecretArn", "DatabaseSecurityGroupId", "VpcId", "SubnetIds"]
)
def test_what_a_database_of_ones_own_needs_is_demanded(name: str) -> None:
    """Left empty, it is refused before anything is made."""
    assert f'{{"Ref": "{name}"}}' in json.dumps(translated()["Rules"])


def test_requests_without_a_verified_token_reach_no_function() -> None:
    """The gateway answers 401 by itself."""
    api = translated()["Resources"]["Api"]["Properties"]["Body"]
    assert api["paths"].keys() == {"/customers/{customer_id}"}
    [(method, route)] = api["paths"]["/customers/{customer_id}"].items()
    assert (method, route["security"]) == ("put", [{"Tokens": []}])
    authorizer = api["components"]["securitySchemes"]["Tokens"]["x-amazon-apigateway-authorizer"]
    assert authorizer == {
        "type": "jwt",
        "identitySource": "$request.header.Authorization",
        "jwtConfiguration": {"issuer": {"Ref": "JwtIssuer"}, "audience": {"Ref": "JwtAudience"}},
    }


# The stack


def test_the_whole_of_it_is_created(stack: Stack) -> None:
    """Everything that its conditions ask for."""
    wanted = {
        name
        for name, resource in translated()["Resources"].items()
        if resource.get("Condition") != "CreatesDatabase" or "Cluster" in stack.ids
    }
    assert stack.status == "CREATE_COMPLETE"
    assert set(stack.ids) == wanted


@pytest.mark.parametrize("name", ["Queue", "DeadLetterQueue"])
def test_queues_keep_order_at_speed_for_14_days_encrypted(stack: Stack, name: str) -> None:
    """Both of them: a dead letter is a write too."""
    settings = stack.queue(name)
    wanted = {
        "FifoQueue": "true",
        "ContentBasedDeduplication": "false",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
        "MessageRetentionPeriod": str(14 * 24 * 3600),
        "SqsManagedSseEnabled": "true",
    }
    assert {key: settings[key] for key in wanted} == wanted


def test_the_queues_are_reached_over_tls_alone(stack: Stack) -> None:
    """Whoever asks."""
    for name in ("Queue", "DeadLetterQueue"):
        [statement] = json.loads(stack.queue(name)["Policy"])["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Principal"] == "*"
        assert stack.queue(name)["QueueArn"] in statement["Resource"]
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_an_outage_of_days_moves_nothing_to_the_dead_letters(stack: Stack) -> None:
    """SQS counts a receive each time a message is held: 14 days take some 400."""
    assert json.loads(stack.queue("Queue")["RedrivePolicy"]) == {
        "deadLetterTargetArn": DEAD_LETTERS,
        "maxReceiveCount": 1000,
    }


def test_the_mapping_reports_batch_item_failures(stack: Stack) -> None:
    """Without it Lambda deletes whatever the handler returns, held messages too."""
    mapping = stack.mapping()
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert (mapping["EventSourceArn"], mapping["FunctionArn"]) == (QUEUE, DRAINER)
    assert mapping["BatchSize"] == 10
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 5}
    assert mapping["State"] == "Enabled"
    assert stack.outputs["EventSourceMapping"] == mapping["UUID"]


def test_messages_stay_hidden_for_six_times_the_drainers_time(stack: Stack) -> None:
    """As AWS advises: a batch that is still worked on is not given to another."""
    timeout = stack.function("Drainer")["Timeout"]
    assert timeout == 30
    assert int(stack.queue("Queue")["VisibilityTimeout"]) >= 6 * timeout


@pytest.mark.parametrize("name", ["Producer", "Drainer"])
def test_a_handler_finds_what_it_reads_at_import(
    stack: Stack, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the variables that the template sets, and no others."""
    settings = stack.function(name)
    module, function = settings["Handler"].split(".")
    monkeypatch.delenv("DURABLE_INGEST_MYSQL_URL", raising=False)
    for variable, value in settings["Environment"]["Variables"].items():
        monkeypatch.setenv(variable, value)
    monkeypatch.syspath_prepend(SOURCE)
    assert callable(runpy.run_path(str(SOURCE / f"{module}.py"))[function])


def test_the_drainer_trusts_the_bundle_that_the_build_fetches(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lies beside the module; certificate and host name are verified."""
    monkeypatch.delenv("DURABLE_INGEST_MYSQL_URL", raising=False)
    for variable, value in stack.function("Drainer")["Environment"]["Variables"].items():
        monkeypatch.setenv(variable, value)
    monkeypatch.syspath_prepend(SOURCE)
    mysql = runpy.run_path(str(SOURCE / "drainer.py"))["database"]()
    assert mysql.ssl_mode == "VERIFY_IDENTITY"
    assert mysql.ssl_ca == str(SOURCE / "global-bundle.pem")
    assert "bundle := src/global-bundle.pem\n" in (SOURCE.parent / "Makefile").read_text()


# Alarms


@pytest.mark.parametrize(
    ("name", "metric", "of", "threshold"),
    [
        ("OldMessage", "AWS/SQS ApproximateAgeOfOldestMessage", "shop-writes.fifo", 300),
        ("DeadLetters", "AWS/SQS ApproximateNumberOfMessagesVisible", "shop-dead.fifo", 0),
        ("Misconfigured", "durable_ingest HeldMisconfigured", "shop-writes.fifo", 0),
        ("DrainerErrors", "AWS/Lambda Errors", "shop-drainer", 0),
        ("DrainerThrottles", "AWS/Lambda Throttles", "shop-drainer", 0),
        ("ApiFailures", "AWS/ApiGateway 5xx", "Api", 0),
    ],
)
def test_somebody_is_told(stack: Stack, name: str, metric: str, of: str, threshold: int) -> None:
    """That writes wait, that rows were refused, that a function fails, and when it is over."""
    [alarm] = client("cloudwatch").describe_alarms(AlarmNames=[stack.ids[name]])["MetricAlarms"]
    assert f"{alarm['Namespace']} {alarm['MetricName']}" == metric
    assert [dimension["Value"] for dimension in alarm["Dimensions"]] == [stack.ids.get(of, of)]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", threshold)
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["AlarmActions"] == alarm["OKActions"] == [TOPIC]


@only_own_endpoints
def test_without_a_topic_alarms_tell_nobody(stack: Stack) -> None:
    """They are there all the same."""
    [alarm] = client("cloudwatch").describe_alarms(AlarmNames=[stack.ids["OldMessage"]])[
        "MetricAlarms"
    ]
    assert alarm["AlarmActions"] == alarm["OKActions"] == []


def test_the_drainers_own_metrics_are_called_by_their_names() -> None:
    """Alarms and dashboard name what `durable_ingest.metrics` writes, and its dimension."""
    resources = translated()["Resources"]
    alarms = [
        (one["Properties"]["MetricName"], one["Properties"]["Dimensions"][0]["Name"])
        for one in resources.values()
        if one["Properties"].get("Namespace") == metrics.NAMESPACE
    ]
    text = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"][0]
    shown = [
        (name, dimension)
        for widget in json.loads(text)["widgets"]
        for namespace, name, dimension, _ in widget["properties"]["metrics"]
        if namespace == metrics.NAMESPACE
    ]
    assert alarms
    assert len(shown) > 10
    assert {dimension for _, dimension in alarms + shown} == {metrics.QUEUE}
    assert {name for name, _ in alarms + shown} <= metrics.METRICS.keys()
