"""A local SQS: ministack as a child process."""

import atexit
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from durable_ingest.testing.child import Child
from durable_ingest.testing.waiting import eventually, free_port

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_sqs import SQSClient

REGION = "eu-west-1"
PROGRAM = "DURABLE_INGEST_TEST_MINISTACK"
START_WITHIN = 30.0
STOP_WITHIN = 10.0


@dataclass(frozen=True)
class QueuePair:
    """A queue and the dead-letter queue behind it."""

    url: str
    arn: str
    dead_letter_url: str | None


class QueueService:
    """SQS on a free port of 127.0.0.1. A context manager: starts on entry, closes on exit.

    Needs the program `ministack`: beside this Python, on the PATH, or named by
    `DURABLE_INGEST_TEST_MINISTACK` (it pins one botocore, so it may want its own environment).
    """

    def __init__(self) -> None:
        """Choose the port; nothing is started."""
        self.port = free_port()
        self._home: Path | None = None
        self._child: Child | None = None
        self._lock = threading.Lock()
        self._session: Session | None = None

    @property
    def endpoint_url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, empty; return when it answers.

        Raises:
            FileNotFoundError: ministack is not installed.
            RuntimeError: it ended; the text has the end of its log.
        """
        program = _program()
        atexit.register(self.close)
        self._home = Path(tempfile.mkdtemp(prefix="durable-ingest-"))
        self._child = Child(self._home / "log")
        self._child.start([program], cwd=self._home, env=self._environment(self._home))
        client = self.client()
        try:
            eventually(
                lambda: self._answers(client), within=START_WITHIN, every=0.05, what="ministack"
            )
        except BaseException:
            self.close()
            raise
        finally:
            client.close()

    def _environment(self, home: Path) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(home),
            "TMPDIR": str(home),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_REGION": REGION,
            "SERVICES": "sqs",
            # At its start ministack removes containers that it takes for its own: show it none.
            "DOCKER_HOST": f"unix://{home}/no-docker",
        }

    def _answers(self, client: "SQSClient") -> bool:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  at first use

        if self._child is None or not self._child.running:
            words = self._child.last_words() if self._child else ""
            message = f"ministack ended while it started:\n{words}"
            raise RuntimeError(message)
        try:
            client.list_queues()
        except (BotoCoreError, ClientError):
            return False
        return True

    def close(self) -> None:
        """End it and remove its directory; may be called again."""
        atexit.unregister(self.close)
        if self._child is not None:
            self._child.end(signal.SIGKILL, within=STOP_WITHIN)  # it has nothing to save
            self._child = None
        if self._home is not None:
            shutil.rmtree(self._home)
            self._home = None

    def client(self, **settings: Any) -> "SQSClient":  # noqa: ANN401  passed on
        """Make an SQS client with short time-outs and no retries; `settings` overrule.

        The caller closes it. Time-outs cover a long poll of up to 8 s.
        """
        with self._lock:  # making a session or a client is not thread-safe, using one is
            if self._session is None:
                self._session = make_session()  # it reads SQS' model, which takes its time
            return make_client(self.endpoint_url, session=self._session, **settings)

    def create_queue(  # noqa: PLR0913  SQS' own attributes, all by name
        self,
        name: str,
        *,
        fifo: bool = True,
        visibility_timeout: int = 30,
        retention: int = 1_209_600,
        dead_letter: bool = True,
        max_receive_count: int = 1000,
        content_based_deduplication: bool = False,
    ) -> QueuePair:
        """Create a queue and, unless told not to, its dead-letter queue `<name>-dead`.

        `.fifo` is added to the name. Times are in seconds.
        """
        client = self.client()
        try:
            return create_queue(
                client,
                name,
                fifo=fifo,
                visibility_timeout=visibility_timeout,
                retention=retention,
                dead_letter=dead_letter,
                max_receive_count=max_receive_count,
                content_based_deduplication=content_based_deduplication,
            )
        finally:
            client.close()

    def depth(self, url: str) -> int:
        """Count a queue's messages: visible, in flight and delayed."""
        client = self.client()
        try:
            return depth(client, url)
        finally:
            client.close()

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def _program() -> str:
    beside = Path(sys.executable).with_name("ministack")
    found = os.environ.get(PROGRAM) or (str(beside) if beside.exists() else None)
    found = found or shutil.which("ministack")
    if found is None:
        message = f"ministack is not installed: pip install ministack, or name it in {PROGRAM}"
        raise FileNotFoundError(message)
    return found


def make_session() -> "Session":
    """Make a boto3 session of one's own, apart from the default one."""
    from boto3.session import Session  # noqa: PLC0415  loaded at first use

    return Session()


def make_client(
    endpoint_url: str | None = None,
    *,
    session: "Session | None" = None,
    **settings: Any,  # noqa: ANN401  passed on
) -> "SQSClient":
    """Make an SQS client with dummy credentials for an emulator."""
    from botocore.config import Config  # noqa: PLC0415  loaded at first use

    defaults: dict[str, Any] = {
        "endpoint_url": endpoint_url,
        "region_name": REGION,
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
        "config": Config(
            connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1}, proxies={}
        ),
    }
    client: SQSClient = (session or make_session()).client("sqs", **(defaults | settings))
    return client


def create_queue(  # noqa: PLR0913  SQS' own attributes, all by name
    client: "SQSClient",
    name: str,
    *,
    fifo: bool = True,
    visibility_timeout: int = 30,
    retention: int = 1_209_600,
    dead_letter: bool = True,
    max_receive_count: int = 1000,
    content_based_deduplication: bool = False,
) -> QueuePair:
    """Create a queue through any client; see `QueueService.create_queue`."""
    suffix = ".fifo" if fifo else ""
    attributes: dict[str, str] = {"MessageRetentionPeriod": str(retention)}
    if fifo:
        attributes["FifoQueue"] = "true"
        attributes["ContentBasedDeduplication"] = str(content_based_deduplication).lower()
    base = name.removesuffix(".fifo")
    dead_url = None
    own = attributes | {"VisibilityTimeout": str(visibility_timeout)}
    if dead_letter:
        made = client.create_queue(QueueName=f"{base}-dead{suffix}", Attributes=attributes)  # type: ignore[arg-type]
        dead_url = made["QueueUrl"]
        own["RedrivePolicy"] = json.dumps(
            {"deadLetterTargetArn": _arn(client, dead_url), "maxReceiveCount": max_receive_count}
        )
    url = client.create_queue(QueueName=f"{base}{suffix}", Attributes=own)["QueueUrl"]  # type: ignore[arg-type]
    return QueuePair(url=url, arn=_arn(client, url), dead_letter_url=dead_url)


def _arn(client: "SQSClient", url: str) -> str:
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return answer["Attributes"]["QueueArn"]


def depth(client: "SQSClient", url: str) -> int:
    """Count a queue's messages: visible, in flight and delayed."""
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return sum(
        int(answer["Attributes"].get(name, "0"))
        for name in (
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        )
    )
