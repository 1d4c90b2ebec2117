"""The stacks that the template's tests look at."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from .stack import TOPIC, Stack, a_teams_own_database


@pytest.fixture(scope="module", params=["own database", "Aurora"])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A stack over a database that the team has already, and one that makes its own."""
    with mock_aws():
        match request.param:
            case "Aurora":
                yield Stack(CreateDatabase="true", AlarmTopicArn=TOPIC)
            case "own database":
                yield Stack(**a_teams_own_database(), AlarmTopicArn=TOPIC)
            case "own endpoints":
                own = a_teams_own_database()
                yield Stack(**own, EndpointSecurityGroupId=own["DatabaseSecurityGroupId"])
