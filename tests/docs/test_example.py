"""The example says and grants what the documentation says."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "customer_api"
SECURITY = (ROOT / "docs" / "security.md").read_text()
RIGHT = re.compile(r"\bsqs:[A-Z]\w+")


@pytest.mark.parametrize(("role", "number"), [("ProducerRole", 0), ("DrainerRole", 1)])
def test_a_role_has_the_documented_rights_on_the_queues(role: str, number: int) -> None:
    """No more, and no fewer; the example's own tests say on which resources."""
    policies = re.findall(r"^```json\n(.*?)^```$", SECURITY, re.MULTILINE | re.DOTALL)
    documented = RIGHT.findall(json.dumps(json.loads(policies[number])))
    template = (EXAMPLE / "template.yaml").read_text()
    resource = re.search(rf"^  {role}:\n(.*?)^  \w", template, re.MULTILINE | re.DOTALL)
    assert resource is not None
    assert sorted(RIGHT.findall(resource[1])) == sorted(documented)


def test_the_drainers_account_has_the_documented_rights() -> None:
    """As README makes it."""
    grant = re.compile(r"GRANT (.+) ON (?:app|shop)\.customers TO 'drainer'@'%';")
    assert grant.findall((EXAMPLE / "README.md").read_text()) == grant.findall(SECURITY)
    assert "REQUIRE SSL" in (EXAMPLE / "README.md").read_text()
