"""Stand-ins for boto3's clients of Secrets Manager and RDS, whose answers a test decides."""

import json
import threading
from typing import Any

from botocore.exceptions import ClientError

PASSWORD = "s3cr3t-Zq7"  # looked for in what is said


def refusal(code: str, status: int = 400) -> ClientError:
    """Make what boto3 raises for an answer of refusal."""
    answer = {"Error": {"Code": code, "Message": "hush"}}
    return ClientError(answer | {"ResponseMetadata": {"HTTPStatusCode": status}}, "GetSecretValue")  # type: ignore[arg-type] # a part of it


class Secrets:
    """A client of Secrets Manager with one secret."""

    def __init__(self, **values: object) -> None:
        self.text: str | None = json.dumps({"username": "app", "password": PASSWORD} | values)
        self.fails: Exception | None = None
        self.asked: list[str] = []
        self.answers = threading.Event()
        """Cleared, it does not answer."""
        self.answers.set()

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """Answer."""
        self.asked.append(SecretId)
        self.answers.wait(60)
        if self.fails is not None:
            raise self.fails
        return {"Name": SecretId} if self.text is None else {"SecretString": self.text}

    def set(self, **values: object) -> None:
        """Change the secret."""
        self.text = json.dumps(json.loads(self.text or "{}") | values)


class Signer:
    """A client of RDS that numbers its tokens."""

    def __init__(self) -> None:
        self.signed: list[tuple[str, int, str, str | None]] = []
        self.fails: Exception | None = None
        self.answers = threading.Event()
        """Cleared, it does not answer."""
        self.answers.set()

    def generate_db_auth_token(
        self,
        *,
        DBHostname: str,  # noqa: N803 - boto3's names
        Port: int,  # noqa: N803
        DBUsername: str,  # noqa: N803
        Region: str | None,  # noqa: N803
    ) -> str:
        """Sign."""
        self.signed.append((DBHostname, Port, DBUsername, Region))
        self.answers.wait(60)
        if self.fails is not None:
            raise self.fails
        return f"{PASSWORD}-token-{len(self.signed)}"
