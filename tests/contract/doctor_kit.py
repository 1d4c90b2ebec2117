"""What the doctor's tests share: a deployment in moto with nothing wrong with it."""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.awslambda.models import LambdaFunction
from moto.core.responses import ActionResult
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.iam.models import iam_backends
from moto.iam.responses import IamResponse

from tests.contract.accounts import PAGE

REGION = "eu-west-1"
ACCOUNT = "123456789012"
FOURTEEN_DAYS = 1_209_600
QUEUE = {
    "FifoQueue": "true",
    "DeduplicationScope": "messageGroup",
    "FifoThroughputLimit": "perMessageGroupId",
    "SqsManagedSseEnabled": "true",
    "MessageRetentionPeriod": str(FOURTEEN_DAYS),
    "VisibilityTimeout": "180",
}


def documented(place: int) -> dict[str, Any]:
    """Read a policy of the page on security, in its order: producer, drainer, reader."""
    policies = re.findall(r"^```json\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    policy: dict[str, Any] = json.loads(policies[place])
    return policy


@cache
def client(service: str) -> Any:  # noqa: ANN401 - boto3's
    """Make a client, once: that takes longer than what moto does."""
    return boto3.session.Session().client(service, region_name=REGION)  # type: ignore[call-overload]


class Deployment:
    """A queue, its dead-letter queue, a function in a VPC, its role, and the mapping.

    Args:
        prefix: what their names begin with.
    """

    def __init__(self, prefix: str = "") -> None:
        self.sqs, self.lambdas, self.iam, self.ec2 = map(client, ("sqs", "lambda", "iam", "ec2"))
        self.drainer = f"{prefix}drainer"
        self.dead_url = self.queue(f"{prefix}dead.fifo")
        self.url = self.queue(f"{prefix}writes.fifo")
        self.arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{prefix}writes.fifo"
        self.dead_arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{prefix}dead.fifo"
        self.redrive(1000)
        self.role = self.iam.create_role(RoleName="drainer", AssumeRolePolicyDocument="{}")
        policy = json.dumps(documented(1))
        for name in ("writes.fifo", "dead.fifo"):
            policy = policy.replace(f":{name}", f":{prefix}{name}")
        self.allow(json.loads(policy))
        self.network()
        self.function(self.drainer)
        answer = self.lambdas.create_event_source_mapping(
            EventSourceArn=self.arn,
            FunctionName=self.drainer,
            BatchSize=10,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            ScalingConfig={"MaximumConcurrency": 5},
        )
        self.mapping = answer["UUID"]

    def queue(self, name: str, **settings: str) -> str:
        """Make a queue; return its URL."""
        answer = self.sqs.create_queue(QueueName=name, Attributes=QUEUE | settings)
        return str(answer["QueueUrl"])

    def set(self, url: str, **attributes: object) -> None:
        """Set a queue's attributes."""
        given = {name: str(value) for name, value in attributes.items()}
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes=given)

    def redrive(self, most: int | None, arn: str | None = None) -> None:
        """Set the queue's redrive policy, or take it away."""
        policy = {"deadLetterTargetArn": arn or self.dead_arn, "maxReceiveCount": most}
        self.set(self.url, RedrivePolicy="" if most is None else json.dumps(policy))

    def allow(self, policy: dict[str, Any]) -> None:
        """Set what the drainer's role may do."""
        self.iam.put_role_policy(
            RoleName="drainer", PolicyName="drainer", PolicyDocument=json.dumps(policy)
        )

    def network(self) -> None:
        """Make a VPC with an endpoint for SQS."""
        self.vpc = self.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.1.0.0/24")
        self.subnet = subnet["Subnet"]["SubnetId"]
        group = self.ec2.create_security_group(GroupName="g", Description="g", VpcId=self.vpc)
        self.group = group["GroupId"]
        endpoint = self.ec2.create_vpc_endpoint(
            VpcId=self.vpc,
            ServiceName=f"com.amazonaws.{REGION}.sqs",
            VpcEndpointType="Interface",
            PrivateDnsEnabled=True,
            SubnetIds=[self.subnet],
        )
        self.endpoint = endpoint["VpcEndpoint"]["VpcEndpointId"]

    def function(self, name: str) -> None:
        """Make a function in the VPC."""
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as file:
            file.writestr("drainer.py", "")
        self.lambdas.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=self.role["Role"]["Arn"],
            Handler="drainer.handler",
            Code={"ZipFile": code.getvalue()},
            Timeout=30,
            MemorySize=512,
            VpcConfig={"SubnetIds": [self.subnet], "SecurityGroupIds": [self.group]},
        )

    def configure(self, **settings: object) -> None:
        """Change the function."""
        self.lambdas.update_function_configuration(FunctionName=self.drainer, **settings)

    def map(self, **settings: object) -> None:
        """Change the mapping."""
        self.lambdas.update_event_source_mapping(UUID=self.mapping, **settings)


@contextmanager
def moto() -> Iterator[pytest.MonkeyPatch]:
    """Play AWS, with the two things that moto lacks."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        complete(patch)
        yield patch


def complete(patch: pytest.MonkeyPatch) -> None:
    """Give moto what it lacks."""
    patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # they take half a second
    patch.setattr(
        IamResponse, "simulate_principal_policy", _simulate_principal_policy, raising=False
    )
    patch.setattr(LambdaFunction, "vpc_config", property(_vpc_config))


def _simulate_principal_policy(asked: IamResponse) -> ActionResult:
    """Answer by the role's own policies, as moto's IAM reads them."""
    role = iam_backends[ACCOUNT]["aws"].get_role_by_arn(asked._get_param("PolicySourceArn"))
    policies = [IAMPolicy(document) for document in role.policies.values()]
    [resource] = asked._get_param("ResourceArns")

    def decision(action: str) -> str:
        results = [policy.is_action_permitted(action, resource) for policy in policies]
        if PermissionResult.DENIED in results:
            return "explicitDeny"
        return "allowed" if PermissionResult.PERMITTED in results else "implicitDeny"

    actions = asked._get_param("ActionNames")
    found = [{"EvalActionName": each, "EvalDecision": decision(each)} for each in actions]
    return ActionResult({"EvaluationResults": found, "IsTruncated": False})


def _vpc_config(function: LambdaFunction) -> dict[str, Any] | None:
    """Name the VPC that the subnets are in; moto names the same for every function."""
    given = function._vpc_config
    if not given:
        return None
    found = client("ec2").describe_subnets(SubnetIds=given["SubnetIds"])["Subnets"]
    return {**given, "VpcId": found[0]["VpcId"]}
