"""Resource types that moto's CloudFormation lacks, made by the API calls that CloudFormation makes.

With them moto creates all of the template. It finds them as subclasses of `CloudFormationModel`.
"""

import json
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import boto3
from moto.core.common_models import CloudFormationModel

# moto's own types, before those below: of two for one type it takes the later.
import_module("moto.cloudformation.parsing")

Properties = dict[str, Any]
REGION = "eu-west-1"


class Created:
    """What was created: its physical id, and what Fn::GetAtt gives."""

    def __init__(self, physical_id: str, **attributes: str) -> None:
        self.physical_resource_id = physical_id
        self.get_cfn_attribute = attributes.__getitem__

    def is_created(self) -> bool:
        """Be there at once."""
        return True


@cache
def client(service: str) -> Any:
    """Make a client, once: that takes longer than what moto does."""
    make: Any = boto3.session.Session().client
    return make(service, region_name=REGION)


def http_api(name: str, properties: Properties) -> Created:
    """Import the API that SAM has written."""
    api = client("apigatewayv2").create_api(Name=name, ProtocolType="HTTP")
    body = json.dumps(properties["Body"])
    client("apigatewayv2").reimport_api(ApiId=api["ApiId"], Body=body)
    return Created(api["ApiId"], ApiEndpoint=api["ApiEndpoint"])


def stage(_: str, properties: Properties) -> Created:
    """Make a stage of the API."""
    return Created(client("apigatewayv2").create_stage(**properties)["StageName"])


def alarm(name: str, properties: Properties) -> Created:
    """Put an alarm, whose properties are the call's parameters."""
    client("cloudwatch").put_metric_alarm(AlarmName=name, **properties)
    return Created(name)


def queue_policy(name: str, properties: Properties) -> Created:
    """Set the policy of each queue."""
    policy = json.dumps(properties["PolicyDocument"])
    for url in properties["Queues"]:
        client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return Created(name)


def secret(name: str, properties: Properties) -> Created:
    """Make a secret of the template's text and a random password."""
    how = properties["GenerateSecretString"]
    content = json.loads(how["SecretStringTemplate"])
    content[how["GenerateStringKey"]] = client("secretsmanager").get_random_password(
        PasswordLength=how["PasswordLength"], ExcludePunctuation=how["ExcludePunctuation"]
    )["RandomPassword"]
    made = client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(content))
    return Created(made["ARN"])


def cluster(name: str, properties: Properties) -> Created:
    """Make a database cluster, whose properties are the call's parameters."""
    subnets = properties["DBSubnetGroupName"].name  # an object of moto
    given = {**properties, "DBSubnetGroupName": subnets, "DBClusterIdentifier": name}
    made = client("rds").create_db_cluster(**given)["DBCluster"]
    return Created(
        made["DBClusterIdentifier"],
        **{
            "DBClusterArn": made["DBClusterArn"],
            "Endpoint.Address": made["Endpoint"],
            "MasterUserSecret.SecretArn": made["MasterUserSecret"]["SecretArn"],
        },
    )


def instance(name: str, properties: Properties) -> Created:
    """Make a cluster's instance, of which moto makes only others by itself."""
    made = client("rds").create_db_instance(DBInstanceIdentifier=name, **properties)
    return Created(made["DBInstance"]["DBInstanceIdentifier"])


def known_to_moto(
    kind: str, make: Callable[[str, Properties], Created]
) -> type[CloudFormationModel]:
    """Make a resource type that moto's CloudFormation knows."""

    def create(_: object, name: str, resource: Properties, /, *_args: str, **_more: str) -> Created:
        return make(name, resource["Properties"])

    members = {
        "cloudformation_type": staticmethod(lambda: kind),
        "cloudformation_name_type": staticmethod(str),
        "create_from_cloudformation_json": classmethod(create),
        "has_cfn_attr": classmethod(lambda _, _attribute: True),
    }
    return type(kind, (CloudFormationModel,), members)


ADDED = [
    known_to_moto("AWS::ApiGatewayV2::Api", http_api),
    known_to_moto("AWS::ApiGatewayV2::Stage", stage),
    known_to_moto("AWS::CloudWatch::Alarm", alarm),
    known_to_moto("AWS::RDS::DBCluster", cluster),
    known_to_moto("AWS::RDS::DBInstance", instance),
    known_to_moto("AWS::SecretsManager::Secret", secret),
    known_to_moto("AWS::SQS::QueuePolicy", queue_policy),
]
