"""What the template makes of the queues, the functions, their rights and the alarms."""

import json
import runpy
from collections.abc import Iterator
from typing import Any

import pytest
from cfnlint.api import lint_file
from moto import mock_aws

from .moto_types import REGION, client
from .stack import ACCOUNT, SECRET, TEMPLATE, Stack, a_teams_own_database, translated

SOURCE = TEMPLATE.parent / "src"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:shop-writes.fifo"
DEAD_LETTERS = f"arn:aws:sqs:{REGION}:{ACCOUNT}:shop-dead.fifo"
DRAINER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop-drainer"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:alarms"
NETWORK_INTERFACES = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
]


@pytest.fixture(scope="module", params=["own database", "Aurora"])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A stack over a database that the team has already, and one that makes its own."""
    with mock_aws():
        if request.param == "Aurora":
            yield Stack(CreateDatabase="true", AlarmTopicArn=TOPIC)
        else:
            yield Stack(**a_teams_own_database(), AlarmTopicArn=TOPIC)


only_aurora = pytest.mark.parametrize("stack", ["Aurora"], indirect=True)
only_own_database = pytest.mark.parametrize("stack", ["own database"], indirect=True)


# The template as text


def test_cfn_lint_finds_nothing() -> None:
    """Errors, warnings and remarks alike."""
    assert [str(match) for match in lint_file(TEMPLATE)] == []


def test_no_right_comes_from_elsewhere() -> None:
    """SAM would add AWS' managed policies, which grant on every resource, to roles of its own."""
    resources = translated()["Resources"].values()
    roles = [one for one in resources if one["Type"] == "AWS::IAM::Role"]
    assert len(roles) == 2
    assert not any("ManagedPolicyArns" in role["Properties"] for role in roles)
    assert not any(one["Type"] == "AWS::IAM::Policy" for one in resources)


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


def test_the_drainer_reaches_the_database_and_the_endpoints_alone() -> None:
    """Read from the template: moto does not keep a security group's egress."""
    group = translated()["Resources"]["DrainerSecurityGroup"]["Properties"]
    reached = [
        (rule["FromPort"], rule["ToPort"], rule["DestinationSecurityGroupId"]["Fn::If"][0])
        for rule in group["SecurityGroupEgress"]
    ]
    assert reached == [(3306, 3306, "CreatesDatabase"), (443, 443, "CreatesEndpoints")]
    assert "CidrIp" not in json.dumps(group)


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


# Rights


def test_the_producer_may_send_and_log(stack: Stack) -> None:
    """And nothing else."""
    assert stack.statements("ProducerRole") == [
        allow("sqs:SendMessage", QUEUE),
        logging("shop-producer"),
    ]


def test_the_drainer_may_do_what_it_does(stack: Stack) -> None:
    """ChangeMessageVisibility and SendMessage are in no managed policy."""
    secret = stack.ids.get("Secret", SECRET)
    receiving = [
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ChangeMessageVisibility",
    ]
    assert stack.statements("DrainerRole")[:4] == [
        allow(receiving, QUEUE),
        allow("sqs:SendMessage", DEAD_LETTERS),
        allow("secretsmanager:GetSecretValue", secret),
        logging("shop-drainer"),
    ]


def test_only_lambda_itself_may_make_network_interfaces(stack: Stack) -> None:
    """The one right on "*": EC2 knows no narrower one. The function's own code is denied it."""
    allowed, denied = stack.statements("DrainerRole")[4:]
    assert allowed == allow(NETWORK_INTERFACES, "*")
    assert denied == {
        "Effect": "Deny",
        "Action": NETWORK_INTERFACES,
        "Resource": "*",
        "Condition": {"ArnEquals": {"lambda:SourceFunctionArn": DRAINER}},
    }
    assert stack.function("Drainer")["FunctionArn"] == DRAINER


def allow(action: str | list[str], resource: str) -> dict[str, Any]:
    """Make a statement."""
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def logging(function: str) -> dict[str, Any]:
    """Make the statement that lets a function write its log; its group is in the template."""
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{function}"
    return allow(["logs:CreateLogStream", "logs:PutLogEvents"], group)


# The network


def test_the_drainer_is_let_into_the_database(stack: Stack) -> None:
    """By MySQL's port, and nobody else by this template."""
    made = stack.ids.get("DatabaseSecurityGroup")
    [group] = client("ec2").describe_security_groups(
        Filters=[{"Name": "group-id", "Values": [made]}]
        if made
        else [{"Name": "group-name", "Values": ["mysql"]}]
    )["SecurityGroups"]
    assert let_in(group) == [(3306, 3306, stack.ids["DrainerSecurityGroup"])]
    assert stack.function("Drainer")["VpcConfig"]["SecurityGroupIds"] == [
        stack.ids["DrainerSecurityGroup"]
    ]


@pytest.mark.parametrize(
    ("name", "service"), [("SqsEndpoint", "sqs"), ("SecretsEndpoint", "secretsmanager")]
)
def test_aws_is_reached_from_private_subnets(stack: Stack, name: str, service: str) -> None:
    """By interface endpoints under AWS' own names, which take the drainer's requests alone."""
    [endpoint] = client("ec2").describe_vpc_endpoints(VpcEndpointIds=[stack.ids[name]])[
        "VpcEndpoints"
    ]
    assert endpoint["VpcEndpointType"] == "Interface"
    assert endpoint["ServiceName"] == f"com.amazonaws.{REGION}.{service}"
    assert endpoint["PrivateDnsEnabled"]
    assert endpoint["SubnetIds"] == stack.function("Drainer")["VpcConfig"]["SubnetIds"]
    assert [group["GroupId"] for group in endpoint["Groups"]] == [
        stack.ids["EndpointSecurityGroup"]
    ]
    [group] = client("ec2").describe_security_groups(GroupIds=[stack.ids["EndpointSecurityGroup"]])[
        "SecurityGroups"
    ]
    assert let_in(group) == [(443, 443, stack.ids["DrainerSecurityGroup"])]


def let_in(group: dict[str, Any]) -> list[tuple[int, int, str]]:
    """List who may come in by which ports."""
    return [
        (rule["FromPort"], rule["ToPort"], pair["GroupId"])
        for rule in group["IpPermissions"]
        for pair in rule["UserIdGroupPairs"]
    ]


# The database


@only_aurora
def test_the_cluster_is_encrypted_scales_and_keeps_its_masters_password(stack: Stack) -> None:
    """Nobody writes it down: RDS makes and rotates it."""
    [cluster] = client("rds").describe_db_clusters(DBClusterIdentifier=stack.ids["Cluster"])[
        "DBClusters"
    ]
    assert cluster["Engine"] == "aurora-mysql"
    assert cluster["EngineVersion"].startswith(("8.0.mysql_aurora.3.", "8.4.mysql_aurora.8."))
    assert cluster["StorageEncrypted"]
    assert cluster["DatabaseName"] == "shop"
    assert cluster["ServerlessV2ScalingConfiguration"] == {"MinCapacity": 0.5, "MaxCapacity": 8}
    assert stack.outputs["MasterSecretArn"] == cluster["MasterUserSecret"]["SecretArn"]
    [member] = cluster["DBClusterMembers"]
    assert member["DBInstanceIdentifier"] == stack.ids["Writer"]
    [writer] = client("rds").describe_db_instances(DBInstanceIdentifier=stack.ids["Writer"])[
        "DBInstances"
    ]
    assert writer["DBInstanceClass"] == "db.serverless"
    assert not writer["PubliclyAccessible"]
    environment = stack.function("Drainer")["Environment"]["Variables"]
    assert environment["DATABASE_HOST"] == cluster["Endpoint"]


@only_aurora
def test_the_drainers_secret_is_what_the_library_reads(stack: Stack) -> None:
    """A user and a password of its own."""
    answer = client("secretsmanager").get_secret_value(SecretId=stack.ids["Secret"])
    content = json.loads(answer["SecretString"])
    assert content.keys() == {"username", "password"}
    assert content["username"] == "drainer"
    assert len(content["password"]) == 40


@only_own_database
def test_a_database_of_ones_own_is_used_as_it_is(stack: Stack) -> None:
    """The drainer gets what the parameters say, and no VPC is made."""
    environment = stack.function("Drainer")["Environment"]["Variables"]
    assert environment["DATABASE_HOST"] == "shop.cluster-abc.eu-west-1.rds.amazonaws.com"
    assert environment["DATABASE_SECRET_ARN"] == SECRET
    assert "Vpc" not in stack.ids


# Alarms


@pytest.mark.parametrize(
    ("name", "metric", "of", "threshold"),
    [
        ("OldMessage", "AWS/SQS ApproximateAgeOfOldestMessage", "shop-writes.fifo", 300),
        ("DeadLetters", "AWS/SQS ApproximateNumberOfMessagesVisible", "shop-dead.fifo", 0),
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
