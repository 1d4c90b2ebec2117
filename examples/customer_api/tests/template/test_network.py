"""Where the drainer reaches, and the database that is made."""

import json
from typing import Any

import pytest

from .moto_types import REGION, client
from .stack import SECRET, Stack, only_aurora, only_own_database, only_own_endpoints, translated


def test_the_drainer_reaches_the_database_and_the_endpoints_alone() -> None:
    """Read from the template: moto does not keep a security group's egress."""
    group = translated()["Resources"]["DrainerSecurityGroup"]["Properties"]
    reached = [
        (rule["FromPort"], rule["ToPort"], rule["DestinationSecurityGroupId"]["Fn::If"][0])
        for rule in group["SecurityGroupEgress"]
    ]
    assert reached == [(3306, 3306, "CreatesDatabase"), (443, 443, "CreatesEndpoints")]
    assert "CidrIp" not in json.dumps(group)


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


@only_own_endpoints
def test_endpoints_that_are_there_already_are_used(stack: Stack) -> None:
    """A VPC has one of a service; the drainer is let into theirs."""
    assert not {"SqsEndpoint", "SecretsEndpoint", "EndpointSecurityGroup"} & stack.ids.keys()
    [group] = client("ec2").describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["mysql"]}]  # which is theirs too in this test
    )["SecurityGroups"]
    drainer = stack.ids["DrainerSecurityGroup"]
    assert sorted(let_in(group)) == [(443, 443, drainer), (3306, 3306, drainer)]


def let_in(group: dict[str, Any]) -> list[tuple[int, int, str]]:
    """List who may come in by which ports."""
    return [
        (rule["FromPort"], rule["ToPort"], pair["GroupId"])
        for rule in group["IpPermissions"]
        for pair in rule["UserIdGroupPairs"]
    ]


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
