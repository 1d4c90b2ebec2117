"""Commands in the documentation are real, also those that a test cannot run."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Final

import botocore.session
import pytest
from botocore import xform_name

from tests.docs.blocks import PAGES, ROOT, Block, read

SHELL: Final = [b for page in PAGES for b in read(page) if b.language in ("bash", "console", "sh")]
EVERYWHERE: Final = {
    "--cli-input-json",
    "--no-cli-pager",
    "--output",
    "--profile",
    "--query",
    "--region",
}
"""Options of each command of the AWS CLI ("Global options" in its reference), as far as used."""


def aws_commands(script: str) -> Iterator[list[str]]:
    """Find the commands of the AWS CLI in a script, in substitutions as well."""
    text = re.sub(r"(?:^|[ \t])#.*", "", script.replace("\\\n", " "), flags=re.MULTILINE)
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";()|&\n")
    lexer.commenters = ""
    lexer.whitespace = " \t"
    lexer.whitespace_split = True
    command: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set(";()|&\n"):
            if command[:1] == ["aws"]:
                yield command
            command = []
            continue
        if "$(" in word:
            yield from aws_commands(word.partition("$(")[2])
        if command or not re.fullmatch(r"\w+=\$?|\$|if|while|until|then|do|!", word):
            command.append(word)


@cache
def options(service: str, operation: str, waiter: str = "") -> set[str]:
    """Give the options that an operation has, from the models that the AWS CLI is made of.

    Raises:
        botocore.exceptions.UnknownServiceError: there is no such service.
        KeyError: nor such an operation or waiter.
    """
    session = botocore.session.Session()
    model = session.get_service_model(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    if operation == "wait":
        waiters = session.get_waiter_model(service)
        names = {xform_name(name, "-"): name for name in waiters.waiter_names}
        name = waiters.get_waiter(names[waiter]).operation
    else:
        name = operations[operation]
    shape = model.operation_model(name).input_shape
    members = [xform_name(member, "-") for member in shape.members] if shape else []
    return {f"--{name}" for name in members} | {f"--no-{name}" for name in members} | EVERYWHERE


def unknown(command: list[str]) -> list[str]:
    """Name the options of `aws service operation …` that are none."""
    _, service, operation, *rest = command
    waiter = rest[0] if operation == "wait" else ""
    given = {word.partition("=")[0] for word in rest if re.match(r"--[a-z]", word)}
    return sorted(given - options(service, operation, waiter))


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.place)
def test_shell_blocks_are_shell(block: Block) -> None:
    """Bash can read them."""
    script = "\n".join(re.findall(r"^\$ (.*)", block.text, re.MULTILINE)) or block.text
    read_by_bash = subprocess.run(
        ["bash", "-n"],  # noqa: S607 - whichever there is
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    assert read_by_bash.stderr == ""


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.place)
def test_the_aws_cli_has_what_is_used_of_it(block: Block) -> None:
    """Each service, operation and option is in AWS' own models."""
    for command in aws_commands(block.text):
        assert unknown(command) == [], command


def test_make_has_the_targets_that_are_named() -> None:
    """In blocks and in the text."""
    text = "".join(page.read_text() for page in PAGES)
    named = set(
        re.findall(r"(?:^|`)(?:\w+=\S+ )?make ([a-z]+)(?=[`\n]| +#| ARGS=|$)", text, re.MULTILINE)
    )
    assert named <= set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_aws_commands_are_found() -> None:
    """In lines, pipes and substitutions; their wrong options too."""
    script = """
# aws comment
id=$(aws sqs get-queue-url --queue-name a.fifo \\
  --query QueueUrl)
if aws lambda wait function-active --function-name f; then echo "aws is no command"; fi
aws sqs purge --queue-url "$(aws sqs list-queues --no-such 1)" | jq
aws sqs purge-queue --queue-uri "$id" && aws lambda wait no-such-thing --function-name=f
"""
    found = list(aws_commands(script))
    assert [command[1:3] for command in found] == [
        ["sqs", "get-queue-url"],
        ["lambda", "wait"],
        ["sqs", "list-queues"],
        ["sqs", "purge"],
        ["sqs", "purge-queue"],
        ["lambda", "wait"],
    ]
    right, waits, *wrong = found
    assert unknown(right) == unknown(waits) == []
    assert unknown(wrong[0]) == ["--no-such"]
    assert unknown(wrong[2]) == ["--queue-uri"]
    for command in wrong[1], wrong[3]:
        with pytest.raises(KeyError, match=r"purge|no-such-thing"):
            unknown(command)
