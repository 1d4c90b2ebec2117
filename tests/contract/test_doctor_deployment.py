"""Every fault of a deployment that the doctor looks for, planted in moto; and none."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from pydantic import BaseModel

from durable_ingest import Drainer, MySQL, Table
from durable_ingest.clock import SYSTEM_CLOCK
from durable_ingest.doctor.asking import ACTIONS, Asker
from durable_ingest.doctor.catalogue import CHECKS, Severity, part_of
from durable_ingest.doctor.checkup import Checkup, Choice, check_up
from durable_ingest.doctor.findings import Finding
from tests.contract import aws_cli
from tests.contract import doctor_kit as kit
from tests.contract.doctor_kit import Deployment

IN_AWS = ("mapping", "function", "queue", "dead_letters")
IN_MYSQL = ("database", "table", "inbox")


class Item(BaseModel):
    """A small row."""

    id: int
    v: int


PLAIN = Table("items", Item, key="id")
VERSIONED = Table("items", Item, key="id", version="v")


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    """One with nothing wrong with it."""
    with kit.moto():
        yield Deployment()


def looked(  # noqa: PLR0913 - each by name
    deployment: Deployment,
    *,
    dead: str | None = "its own",
    acknowledge: Any = "delete",  # noqa: ANN401 - one of two texts
    table: Table = PLAIN,
    mysql: MySQL | None = None,
    make_client: Callable[[str], Any] | None = kit.client,
    **choice: Any,  # noqa: ANN401 - those of Choice
) -> Checkup:
    """Look at what is deployed, but the database."""
    drainer = Drainer(
        mysql or MySQL("mysql://u:p@db.example/app"),
        table,
        dead_letter_queue_url=deployment.dead_url if dead == "its own" else dead,
        acknowledge=acknowledge,
    )
    choice = {"queue_url": deployment.url, "ignored": IN_MYSQL} | choice
    asker = Asker(None, deployment.url, make_client)
    return check_up(drainer.setup, Choice(**choice), asker, SYSTEM_CLOCK)


def test_nothing_is_wrong_with_what_is_right(deployment: Deployment) -> None:
    """Not even a note; and it says what was looked at."""
    for acknowledge in ("delete", "report"):
        done = looked(deployment, acknowledge=acknowledge)
        assert done.findings == []
        assert done.looked_at == {
            "function": f"arn:aws:lambda:{kit.REGION}:{kit.ACCOUNT}:function:drainer",
            "queue": deployment.arn,
            "dead_letters": deployment.dead_arn,
        }


def without(action: str) -> Callable[[Deployment], None]:
    """Take an action out of the role's policy."""

    def plant(deployment: Deployment) -> None:
        policy = kit.documented(1)
        for statement in policy["Statement"]:
            given = statement["Action"]
            actions = [given] if isinstance(given, str) else given
            statement["Action"] = [each for each in actions if each != action] or ["sqs:Nothing"]
        deployment.allow(policy)

    return plant


def second_mapping(deployment: Deployment) -> None:
    """Let another function take from the queue too."""
    deployment.function("other")
    deployment.lambdas.create_event_source_mapping(
        EventSourceArn=deployment.arn,
        FunctionName="other",
        FunctionResponseTypes=["ReportBatchItemFailures"],
        ScalingConfig={"MaximumConcurrency": 5},
    )


STANDARD = f"https://sqs.{kit.REGION}.amazonaws.com/{kit.ACCOUNT}/standard"


def standard_queues(deployment: Deployment) -> None:
    """A standard queue, whose dead-letter queue has to be a standard one too."""
    deployment.sqs.create_queue(QueueName="dead")
    policy = {
        "deadLetterTargetArn": f"arn:aws:sqs:{kit.REGION}:{kit.ACCOUNT}:dead",
        "maxReceiveCount": 1000,
    }
    attributes = {"RedrivePolicy": json.dumps(policy)}
    deployment.sqs.create_queue(QueueName="standard", Attributes=attributes)


def another_target(deployment: Deployment) -> None:
    """SQS moves to one queue, the drainer to another."""
    deployment.queue("moved.fifo")
    deployment.redrive(1000, f"arn:aws:sqs:{kit.REGION}:{kit.ACCOUNT}:moved.fifo")


def cut_off(deployment: Deployment) -> None:
    """Take away the function's way to SQS."""
    deployment.ec2.delete_vpc_endpoints(VpcEndpointIds=[deployment.endpoint])


PLANTED: dict[str, tuple[Callable[[Deployment], object], dict[str, Any]]] = {
    "mapping.response_types": (
        lambda d: d.map(FunctionResponseTypes=[]),
        {"acknowledge": "report"},
    ),
    "mapping.missing": (
        lambda d: d.lambdas.delete_event_source_mapping(UUID=d.mapping),
        {"function": "drainer"},
    ),
    "mapping.several": (second_mapping, {}),
    "mapping.function": (lambda d: d.function("other"), {"function": "other"}),
    "mapping.filters": (
        lambda d: d.map(FilterCriteria={"Filters": [{"Pattern": '{"body": {"a": [1]}}'}]}),
        {},
    ),
    "mapping.disabled": (lambda d: d.map(Enabled=False), {}),
    "mapping.concurrency": (lambda d: d.map(ScalingConfig={}), {}),
    "mapping.batch_size": (lambda d: d.map(BatchSize=1), {}),
    "function.missing": (lambda _: None, {"function": "nobody"}),
    "function.runtime": (lambda d: d.configure(Runtime="python3.10"), {}),
    "function.permissions": (without("sqs:ChangeMessageVisibility"), {}),
    "function.network": (cut_off, {}),
    "function.concurrency": (
        lambda d: d.lambdas.put_function_concurrency(
            FunctionName="drainer", ReservedConcurrentExecutions=0
        ),
        {},
    ),
    "function.timeout": (lambda d: d.configure(Timeout=3), {}),
    "function.memory": (lambda d: d.configure(MemorySize=128), {}),
    "queue.missing": (lambda d: d.sqs.delete_queue(QueueUrl=d.url), {}),
    "queue.kind": (standard_queues, {"queue_url": STANDARD}),
    "queue.retention": (lambda d: d.set(d.url, MessageRetentionPeriod=86_400), {}),
    "queue.redrive": (lambda d: d.redrive(1), {}),
    "queue.visibility": (lambda d: d.set(d.url, VisibilityTimeout=20), {}),
    "queue.encryption": (lambda d: d.set(d.url, SqsManagedSseEnabled="false"), {}),
    "queue.message_size": (lambda d: d.set(d.url, MaximumMessageSize=262_144), {}),
    "queue.throughput": (
        lambda d: d.set(d.url, DeduplicationScope="queue", FifoThroughputLimit="perQueue"),
        {},
    ),
    "queue.delay": (lambda d: d.set(d.url, DelaySeconds=5), {}),
    "dead_letters.missing": (lambda d: d.sqs.delete_queue(QueueUrl=d.dead_url), {}),
    "dead_letters.same": (
        lambda _: None,
        {"dead": f"https://sqs.{kit.REGION}.amazonaws.com/{kit.ACCOUNT}/writes.fifo"},
    ),
    "dead_letters.kind": (standard_queues, {"queue_url": STANDARD, "dead": None}),
    "dead_letters.drainer": (lambda _: None, {"dead": None}),
    "dead_letters.retention": (lambda d: d.set(d.dead_url, MessageRetentionPeriod=86_400), {}),
    "dead_letters.encryption": (lambda d: d.set(d.dead_url, SqsManagedSseEnabled="false"), {}),
    "dead_letters.other": (another_target, {}),
}


def test_every_check_of_what_is_deployed_is_planted() -> None:
    """None is without its fault."""
    assert set(PLANTED) == {name for name in CHECKS if part_of(name) in IN_AWS}


@pytest.mark.parametrize("check", PLANTED)
def test_a_fault_is_found_as_bad_as_it_is(deployment: Deployment, check: str) -> None:
    """By its name, with what it costs and what mends it."""
    plant, drainer = PLANTED[check]
    plant(deployment)
    found = {each.check: each for each in looked(deployment, **drainer).findings}
    assert found[check].severity is CHECKS[check].worst
    assert found[check].cost
    assert found[check].remedy


MENDED_BY_A_COMMAND = [
    "mapping.response_types",
    "mapping.missing",
    "mapping.filters",
    "mapping.disabled",
    "mapping.concurrency",
    "mapping.batch_size",
    "function.network",
    "function.concurrency",
    "function.timeout",
    "function.memory",
    "function.runtime",
    "queue.retention",
    "queue.redrive",
    "queue.visibility",
    "queue.encryption",
    "queue.message_size",
    "queue.throughput",
    "queue.delay",
    "dead_letters.retention",
    "dead_letters.encryption",
    "dead_letters.other",
]


@pytest.mark.parametrize("check", MENDED_BY_A_COMMAND)
def test_its_command_mends_it(deployment: Deployment, check: str) -> None:
    """As it stands, given to AWS."""
    plant, drainer = PLANTED[check]
    plant(deployment)
    [found] = [each for each in looked(deployment, **drainer).findings if each.check == check]
    command = re.split(", (?:and|or) ", found.remedy)[0]
    aws_cli.run(command, kit.client)
    assert check not in {each.check for each in looked(deployment, **drainer).findings}


def only(done: Checkup) -> Finding:
    """Give the one finding."""
    assert len(done.findings) == 1, done.findings
    return done.findings[0]


def test_silent_loss_is_said_first(deployment: Deployment) -> None:
    """Whatever else is wrong."""
    deployment.map(FunctionResponseTypes=[], FilterCriteria={"Filters": [{"Pattern": "{}"}]})
    deployment.sqs.delete_queue(QueueUrl=deployment.dead_url)
    findings = looked(deployment, acknowledge="report").findings
    assert len([each for each in findings if each.severity is Severity.ERROR]) > 2
    assert findings[0].check == "mapping.response_types"
    assert findings[0].cost == "Lambda deletes every held message: silent loss"


def test_without_reports_a_missing_response_type_is_a_note(deployment: Deployment) -> None:
    """It would be loss only after a change of the drainer."""
    deployment.map(FunctionResponseTypes=[])
    found = only(looked(deployment))
    assert (found.check, found.severity) == ("mapping.response_types", Severity.NOTE)


@pytest.mark.parametrize(
    ("plant", "settings", "check", "severity"),
    [
        (lambda d: d.set(d.url, MessageRetentionPeriod=345_600), {}, "queue.retention", "WARNING"),
        (
            lambda d: d.set(d.url, MessageRetentionPeriod=345_600),
            {"outage": 95 * 3600.0},
            "queue.retention",
            "ERROR",
        ),
        (lambda d: d.redrive(None), {}, "queue.redrive", "NOTE"),
        (lambda d: d.redrive(5), {}, "queue.redrive", "WARNING"),
        (lambda d: d.redrive(200), {}, "queue.redrive", "NOTE"),
        (lambda d: d.set(d.url, VisibilityTimeout=60), {}, "queue.visibility", "WARNING"),
        (lambda d: d.configure(Timeout=20), {}, "function.timeout", "NOTE"),
        (
            lambda d: d.lambdas.put_function_concurrency(
                FunctionName="drainer", ReservedConcurrentExecutions=2
            ),
            {},
            "function.concurrency",
            "WARNING",
        ),
    ],
)
def test_what_is_less_bad_is_said_less_loudly(
    deployment: Deployment,
    plant: Callable[[Deployment], None],
    settings: dict[str, Any],
    check: str,
    severity: str,
) -> None:
    """By the outage that has to be survived, or by what goes on all the same."""
    plant(deployment)
    found = only(looked(deployment, **settings))
    assert (found.check, found.severity) == (check, Severity[severity])


def test_a_standard_queue_does_for_versions(deployment: Deployment) -> None:
    """They keep the order by themselves."""
    standard_queues(deployment)
    found = looked(deployment, queue_url=STANDARD, table=VERSIONED).findings
    assert ("queue.kind", Severity.NOTE) in {(each.check, each.severity) for each in found}


# Where the queue and the function are found


def test_the_queue_is_found_by_the_function(deployment: Deployment) -> None:
    """By its mapping."""
    done = looked(deployment, queue_url=None, function="drainer")
    assert (done.findings, done.looked_at["queue"]) == ([], deployment.arn)


def test_the_queue_is_found_by_the_dead_letters(deployment: Deployment) -> None:
    """As the one whose redrive policy names the drainer's dead-letter queue."""
    done = looked(deployment, queue_url=None)
    assert (done.findings, done.looked_at["queue"]) == ([], deployment.arn)


def test_the_dead_letters_are_found_by_the_redrive_policy(deployment: Deployment) -> None:
    """Where the drainer has none."""
    done = looked(deployment, dead=None)
    assert only(done).check == "dead_letters.drainer"
    assert done.looked_at["dead_letters"] == deployment.dead_arn


def test_a_queue_that_nobody_names_is_not_seen(deployment: Deployment) -> None:
    """And the option is named."""
    deployment.redrive(None)
    found = {each.check: each for each in looked(deployment, queue_url=None).findings}
    assert found["queue"].severity is Severity.UNSEEN
    assert found["queue"].remedy == "give --queue-url"


# Networks


def test_a_nat_gateway_is_a_way_to_sqs(deployment: Deployment) -> None:
    """An internet gateway is none: functions have no public address."""
    cut_off(deployment)
    gateway = deployment.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    deployment.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=deployment.vpc)
    [table] = deployment.ec2.describe_route_tables(
        Filters=[{"Name": "vpc-id", "Values": [deployment.vpc]}]
    )["RouteTables"]
    route = {"RouteTableId": table["RouteTableId"], "DestinationCidrBlock": "0.0.0.0/0"}
    deployment.ec2.create_route(**route, GatewayId=gateway)
    assert only(looked(deployment)).check == "function.network"
    deployment.ec2.delete_route(**route)
    address = deployment.ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = deployment.ec2.create_nat_gateway(SubnetId=deployment.subnet, AllocationId=address)
    nat = made["NatGateway"]["NatGatewayId"]
    deployment.ec2.create_route(**route, NatGatewayId=nat)
    assert looked(deployment).findings == []


SECRET = f"arn:aws:secretsmanager:{kit.REGION}:{kit.ACCOUNT}:secret:drainer-a1b2c3"


def test_a_secret_has_to_be_reached_and_allowed(deployment: Deployment) -> None:
    """Where the drainer logs in with one."""
    mysql = MySQL.from_secret(SECRET, host="db.example", database="app")
    found = {each.check: each.what for each in looked(deployment, mysql=mysql).findings}
    assert set(found) == {"function.network", "function.permissions"}
    assert "secretsmanager" in found["function.network"]
    assert SECRET in found["function.permissions"]


def test_a_function_outside_of_any_vpc_reaches_everything(deployment: Deployment) -> None:
    """Nothing is asked of EC2."""
    deployment.configure(VpcConfig={"SubnetIds": [], "SecurityGroupIds": []})
    cut_off(deployment)
    assert looked(deployment).findings == []


# Rights


def refusing(actions: set[str]) -> Callable[[str], Any]:
    """Make clients that are denied these actions, as AWS denies them."""
    operations = {"".join(w.title() for w in op.split("_")): ACTIONS[s, op] for s, op in ACTIONS}

    def make(service: str) -> Any:  # noqa: ANN401 - boto3's
        made = boto3.session.Session().client(service, region_name=kit.REGION)  # type: ignore[call-overload]

        def deny(model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
            if operations[model.name] in actions:
                error = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
                raise ClientError(error, model.name)  # type: ignore[arg-type]

        made.meta.events.register(
            f"before-call.{made.meta.service_model.service_id.hyphenize()}", deny
        )
        return made

    return make


@pytest.mark.parametrize(
    ("action", "unseen"),
    [
        ("sqs:GetQueueAttributes", {"queue", "dead_letters"}),
        ("lambda:ListEventSourceMappings", {"mapping"}),
        ("lambda:GetFunctionConfiguration", {"function"}),
        ("lambda:GetFunctionConcurrency", {"function.concurrency"}),
        ("iam:SimulatePrincipalPolicy", {"function.permissions"}),
        ("ec2:DescribeVpcEndpoints", {"function.network"}),
        ("ec2:DescribeRouteTables", {"function.network"}),
    ],
)
def test_what_may_not_be_asked_is_said_and_the_rest_is_seen(
    deployment: Deployment, action: str, unseen: set[str]
) -> None:
    """Each of its rights is taken away, and named as the remedy."""
    done = looked(deployment, make_client=refusing({action}), function="drainer")
    missing = [each for each in done.findings if each.severity is Severity.UNSEEN]
    assert {each.check for each in missing} == unseen
    assert all(action in each.what and action in each.remedy for each in missing)
    assert done.looked_at
    assert {each.severity for each in done.findings} <= {Severity.UNSEEN}


def test_without_any_right_everything_is_unseen(deployment: Deployment) -> None:
    """And nothing is said to be right."""
    done = looked(deployment, make_client=refusing(set(ACTIONS.values())))
    assert done.looked_at == {}
    assert {each.check for each in done.findings} == {"queue", "dead_letters", "function"}


@pytest.mark.parametrize("action", ["sqs:GetQueueUrl", "sqs:ListDeadLetterSourceQueues"])
def test_what_only_finds_the_queue_can_be_done_without(deployment: Deployment, action: str) -> None:
    """By naming the queue."""
    function = "drainer" if action == "sqs:GetQueueUrl" else None
    make_client = refusing({action})
    done = looked(deployment, queue_url=None, function=function, make_client=make_client)
    assert action in done.findings[0].what
    assert looked(deployment, make_client=make_client).findings == []


def test_the_documented_rights_are_those_that_are_used() -> None:
    """Read from the page: no more, and no less."""
    actions: set[str] = set()
    for statement in kit.documented(2)["Statement"]:
        given = statement["Action"]
        actions |= {given} if isinstance(given, str) else set(given)
    assert actions == set(ACTIONS.values())


def test_a_queue_policy_may_allow_what_the_role_does_not(deployment: Deployment) -> None:
    """The simulation cannot tell, and the doctor says so."""
    without("sqs:SendMessage")(deployment)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"}
    deployment.set(
        deployment.dead_url, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    found = only(looked(deployment))
    assert (found.check, found.severity) == ("function.permissions", Severity.UNSEEN)
    assert "sqs:SendMessage" in found.what


def test_no_region_is_said_and_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, not a traceback."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    drainer = Drainer(MySQL("mysql://u:p@db.example/app"), PLAIN)
    choice = Choice(function="drainer", ignored=IN_MYSQL)
    done = check_up(drainer.setup, choice, Asker(None), SYSTEM_CLOCK)
    assert {"mapping", "function"} <= {each.check for each in done.findings}
    assert "--region" in done.findings[-1].remedy


def test_boto3_is_not_asked_where_only_tables_are_looked_at(deployment: Deployment) -> None:
    """No rights in AWS are needed for that."""

    def make(service: str) -> Any:  # noqa: ANN401 - boto3's
        raise AssertionError(service)

    done = looked(deployment, ignored=(), only=("table", "inbox.keep"), make_client=make)
    assert {part_of(each.check) for each in done.findings} <= {"table", "inbox"}
