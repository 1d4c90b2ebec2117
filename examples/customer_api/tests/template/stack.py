"""The template as CloudFormation gets it: translated as SAM does, created in moto."""

import ast
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from .moto_types import REGION, client

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
ACCOUNT = "123456789012"
SOURCE = TEMPLATE.parent / "src"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:shop-writes.fifo"
DEAD_LETTERS = f"arn:aws:sqs:{REGION}:{ACCOUNT}:shop-dead.fifo"
DRAINER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop-drainer"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:alarms"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:drainer-a1b2c3"

Described = dict[str, Any]

only_aurora = pytest.mark.parametrize("stack", ["Aurora"], indirect=True)
only_own_endpoints = pytest.mark.parametrize("stack", ["own endpoints"], indirect=True)
only_own_database = pytest.mark.parametrize("stack", ["own database"], indirect=True)


class NoManagedPolicies:
    """AWS' own, which the roles do without: they grant more than is needed."""

    def load(self) -> dict[str, str]:
        """Know none."""
        return {}


@cache
def translated() -> Described:
    """Give the template as SAM hands it over, once the code is uploaded. Not to be changed."""
    template = yaml_parse(TEMPLATE.read_text())
    template["Globals"]["Function"]["CodeUri"] = "s3://code/functions.zip"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        done: Described = transform(template, {}, NoManagedPolicies())
    return done


def a_teams_own_database() -> dict[str, str]:
    """Make the VPC that a team has already; name it and its database as parameters."""
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="mysql", Description="mysql", VpcId=vpc)
    return {
        "VpcId": vpc,
        "SubnetIds": subnet,
        "DatabaseHost": "shop.cluster-abc.eu-west-1.rds.amazonaws.com",
        "DatabaseSecurityGroupId": group["GroupId"],
        "DatabaseSecretArn": SECRET,
    }


class Stack:
    """A stack in moto. Works inside moto's `mock_aws`."""

    def __init__(self, **parameters: str) -> None:
        client("s3").create_bucket(
            Bucket="code", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        client("s3").put_object(Bucket="code", Key="functions.zip", Body=b"code")
        given = {"JwtIssuer": "https://tokens.example", "JwtAudience": "shop", **parameters}
        self._cloudformation = client("cloudformation")
        self._cloudformation.create_stack(
            StackName="shop",
            TemplateBody=json.dumps(translated()),
            Parameters=[{"ParameterKey": key, "ParameterValue": given[key]} for key in given],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        made = self._cloudformation.describe_stack_resources(StackName="shop")["StackResources"]
        # For what a condition leaves out, moto lists an entry without a name.
        self.ids: dict[str, str] = {
            one["LogicalResourceId"]: one.get("PhysicalResourceId", "")
            for one in made
            if "LogicalResourceId" in one
        }

    @property
    def status(self) -> str:
        """Say how its creation went."""
        status: str = self._described["StackStatus"]
        return status

    @property
    def outputs(self) -> dict[str, str]:
        """Give its outputs by name."""
        return {one["OutputKey"]: one["OutputValue"] for one in self._described["Outputs"]}

    @property
    def _described(self) -> Described:
        stacks = self._cloudformation.describe_stacks(StackName="shop")["Stacks"]
        described: Described = stacks[0]
        return described

    def queue(self, name: str) -> Described:
        """Give a queue's attributes."""
        answer = client("sqs").get_queue_attributes(QueueUrl=self.ids[name], AttributeNames=["All"])
        attributes: Described = answer["Attributes"]
        return attributes

    def function(self, name: str) -> Described:
        """Give a function's settings."""
        lambdas = client("lambda")
        settings: Described = lambdas.get_function_configuration(FunctionName=self.ids[name])
        return settings

    def mapping(self) -> Described:
        """Give the event source mapping."""
        mapping: Described = client("lambda").get_event_source_mapping(
            UUID=self.ids["DrainerWrites"]
        )
        return mapping

    def statements(self, role: str) -> list[Described]:
        """Give what a role is allowed and denied."""
        iam, name = client("iam"), self.ids[role]
        statements: list[Described] = []
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            found = iam.get_role_policy(RoleName=name, PolicyName=policy)
            # moto gives the document as text, a dict as Python writes it.
            statements += ast.literal_eval(found["PolicyDocument"])["Statement"]
        return statements
