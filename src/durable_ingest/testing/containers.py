"""A MySQL or MariaDB image run by testcontainers."""

import contextlib
import gc
import os
import secrets
import threading
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from durable_ingest.testing.servers import (
    DATABASE,
    OPTIONS,
    READ_ONLY_OPTIONS,
    STOP_WITHIN,
    USER,
    ControlledServer,
    flavour_of,
)
from durable_ingest.testing.waiting import eventually

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container
    from testcontainers.community.mysql import MySqlContainer

IMAGES = ("mysql:9.7-debian", "mysql:8.4", "mysql:8.0")
IMAGE_TO_PULL = "mysql:8.4"
DATA = "DURABLE_INGEST_TEST_DATA"
"""Names a directory of this machine for the data; a volume by default."""
PULL_WITHIN = 60.0
# testcontainers reads these when it is imported. Its reaper is one more image to pull, and port
# 3306 is bound on the loopback address whatever testcontainers thinks of this machine.
_ENVIRONMENT = {
    "TESTCONTAINERS_RYUK_DISABLED": "true",
    "TESTCONTAINERS_CONNECTION_MODE": "docker_host",
    "TC_HOST": "127.0.0.1",
    "TC_POOLING_INTERVAL": "0.1",
}


@contextlib.contextmanager
def _docker(timeout: float = 60.0) -> "Iterator[docker.DockerClient]":
    import docker  # noqa: PLC0415  loaded at first use

    client = docker.from_env(timeout=timeout)
    try:
        yield client
    finally:
        client.close()


def why_no_docker() -> str:
    """Say why no container can be run here; empty when Docker answers."""
    with warnings.catch_warnings():
        # Docker's client leaves the socket open on which nobody answered.
        warnings.simplefilter("ignore", ResourceWarning)
        refusal = _ask_docker()
        gc.collect()
    return refusal


def _ask_docker() -> str:
    try:
        import docker.errors  # noqa: PLC0415  loaded at first use
        import testcontainers  # noqa: F401, PLC0415  is it installed?
    except ImportError as error:
        return f"{error.name} is not installed (pip install 'durable-ingest[testing]')"
    try:
        with _docker(timeout=5.0) as client:
            client.ping()
    except (docker.errors.DockerException, OSError) as error:
        return f"Docker does not answer: {str(error)[:200]}"
    return ""


def find_image(wanted: str | None = None) -> tuple[str, str]:
    """Find an image, pulling it where none is at hand; Docker has to answer.

    Returns:
        The image, or an empty text; and why there is none.
    """
    import docker.errors  # noqa: PLC0415  loaded at first use

    with _docker() as client:
        for image in [wanted] if wanted else IMAGES:
            with contextlib.suppress(docker.errors.ImageNotFound):
                client.images.get(image)
                return image, ""
    image = wanted or IMAGE_TO_PULL
    refusal = _pull(image)
    return ("", refusal) if refusal else (image, "")


def _pull(image: str) -> str:
    """Pull an image; say why it failed."""
    import docker.errors  # noqa: PLC0415  loaded at first use

    outcome = [f"pulling the image {image} took more than {PULL_WITHIN:g} s"]

    def pull() -> None:
        try:
            with _docker() as client:
                name, _, tag = image.partition(":")
                client.images.pull(name, tag=tag or "latest")
            outcome[0] = ""
        except (docker.errors.DockerException, OSError) as error:
            outcome[0] = f"the image {image} is not at hand, nor to be pulled: {str(error)[:200]}"

    # Docker's client bounds each read, not the whole pull: a thread that is left behind does.
    thread = threading.Thread(target=pull, daemon=True)
    thread.start()
    thread.join(PULL_WITHIN)
    return outcome[0]


def _make_container(image: str, **settings: Any) -> "MySqlContainer":  # noqa: ANN401  passed on
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from testcontainers.community.mysql import MySqlContainer  # noqa: PLC0415  after the settings

    class Unawaited(MySqlContainer):
        """Leaves the waiting to `ControlledServer`, which asks the server and reads no log.

        A second start on the same data writes other lines than the first one.
        """

        def _connect(self) -> None:
            """Do not wait."""

    return Unawaited(image, **settings)


class ContainerServer(ControlledServer):
    """A server in a container; its data lie in a volume, its port is bound to 127.0.0.1."""

    def __init__(self, image: str = IMAGE_TO_PULL, *, options: Sequence[str] = ()) -> None:
        """Name the image (`mysql:…` or `mariadb:…`) and further options of the server."""
        super().__init__()
        self.image = image
        self._options = tuple(options)
        self._name = f"durable-ingest-{secrets.token_hex(6)}"
        self._data = os.environ.get(DATA) or self._name
        self._flavour = ""
        self._mysql: MySqlContainer | None = None
        self._is_read_only = False

    @property
    def flavour(self) -> str:
        """`mysql` or `mariadb`."""
        if not self._flavour:
            self._flavour = flavour_of(str(self.execute("SELECT VERSION()")[0][0]))
        return self._flavour

    @property
    def running(self) -> bool:
        """Whether the container is up; a paused one is."""
        return self._status() in {"running", "paused"}

    def _status(self) -> str:
        if self._mysql is None:
            return "none"
        container = self._container
        container.reload()
        return str(container.status)

    @property
    def _container(self) -> "Container":
        if self._mysql is None:
            message = "the server was not started yet"
            raise RuntimeError(message)
        return self._mysql.get_wrapped_container()

    def _create(self) -> None:
        self._launch(read_only=False)
        self._wait_until_it_answers()
        self.execute(f"GRANT ALL ON `{DATABASE}%`.* TO {USER}@'%'")
        # Known while the server surely answers: it may be asked for while it is down.
        _ = self.flavour

    def _launch(self, *, read_only: bool) -> None:
        if self._mysql is not None and self._is_read_only == read_only:
            self._container.start()
            return
        # Options are fixed when a container is made: others need a new one on the same data.
        self._discard()
        mysql = _make_container(
            self.image,
            username=USER,
            password=self._password,
            root_password=self._root_password,
            dbname=DATABASE,
        )
        self._mysql = mysql
        self._is_read_only = read_only
        mysql.with_command([*OPTIONS, *self._options, *(READ_ONLY_OPTIONS if read_only else ())])
        mysql.with_name(self._name)
        mysql.with_volume_mapping(self._data, "/var/lib/mysql", "rw")
        # `with_bind_ports` takes no address and would listen on every interface;
        # Docker's own client does take one.
        mysql.ports = {"3306": ("127.0.0.1", self.port)}  # type: ignore[dict-item]
        mysql.start()

    def _discard(self) -> None:
        if self._mysql is not None:
            self._mysql.stop(force=True, delete_volume=False)
            self._mysql = None

    def _last_words(self) -> str:
        log: bytes = self._container.logs(tail=20)
        return log.decode(errors="replace")

    def stop(self) -> None:
        """Shut down gracefully; return when it is down."""
        if self._mysql is not None:
            self.thaw()
            self._container.stop(timeout=round(STOP_WITHIN))

    def kill(self) -> None:
        """End it with SIGKILL; return when it is dead."""
        if self.running:
            self._container.kill()
            self._container.wait(timeout=STOP_WITHIN)

    def freeze(self) -> None:
        """Hang it (docker pause).

        The kernel's freezer now and then fails on a busy machine ("unable to freeze"), and
        succeeds a moment later.
        """
        eventually(self._try_to_freeze, what="docker pause")

    def _try_to_freeze(self) -> bool:
        import docker.errors  # noqa: PLC0415  loaded at first use

        if self._status() == "running":
            with contextlib.suppress(docker.errors.APIError):
                self._container.pause()
        return self._status() != "running"

    def thaw(self) -> None:
        """Let it go on (docker unpause)."""
        if self._status() == "paused":
            self._container.unpause()

    def _remove(self) -> None:
        import docker.errors  # noqa: PLC0415  loaded at first use

        self._discard()
        with _docker() as client, contextlib.suppress(docker.errors.NotFound):
            client.volumes.get(self._name).remove(force=True)
