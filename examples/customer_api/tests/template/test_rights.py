"""What the functions may do, and nothing else."""

from typing import Any

from .moto_types import REGION
from .stack import ACCOUNT, DEAD_LETTERS, DRAINER, QUEUE, SECRET, Stack, translated

NETWORK_INTERFACES = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
]


def test_no_right_comes_from_elsewhere() -> None:
    """SAM would add AWS' managed policies, which grant on every resource, to roles of its own."""
    resources = translated()["Resources"].values()
    roles = [one for one in resources if one["Type"] == "AWS::IAM::Role"]
    assert len(roles) == 2
    assert not any("ManagedPolicyArns" in role["Properties"] for role in roles)
    assert not any(one["Type"] == "AWS::IAM::Policy" for one in resources)


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
