"""What the AWS command line would do with a command, as far as the doctor's remedies go."""

import json
import re
import shlex
from collections.abc import Callable
from typing import Any

from botocore import xform_name


def run(command: str, client: Callable[[str], Any]) -> None:
    """Run `aws service operation --option value …` with a client of the service.

    Raises:
        KeyError: AWS has no such operation, or that no such option.
    """
    aws, service, operation, *words = shlex.split(command)
    assert aws == "aws"
    made = client(service)
    model = made.meta.service_model
    name = {xform_name(each, "-"): each for each in model.operation_names}[operation]
    shapes = model.operation_model(name).input_shape.members
    members = {f"--{xform_name(each, '-')}": each for each in shapes}
    given: dict[str, list[str]] = {}
    for word in words:
        if word.startswith("--"):
            given[word] = []
        else:
            given[list(given)[-1]].append(word)
    arguments = {
        members[option]: _value(shapes[members[option]].type_name, values)
        for option, values in given.items()
    }
    getattr(made, operation.replace("-", "_"))(**arguments)


def _value(kind: str, words: list[str]) -> Any:  # noqa: ANN401 - of the kind
    match kind:
        case "boolean":
            assert words == []
            return True
        case "integer" | "long":
            return int(words[0])
        case "list":
            return words
        case "map" | "structure":
            [word] = words
            short = re.fullmatch(r"(\w+)=(\d+)", word)
            return {short[1]: int(short[2])} if short else json.loads(word)
        case _:
            [word] = words
            return word
