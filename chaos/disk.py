"""A file system of its own, small enough to be filled."""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

SIZE = "1g"
_PIECE = bytes(1_000_000)


class SmallDisk:
    """A mounted tmpfs."""

    def __init__(self, place: Path) -> None:
        """Take what is mounted."""
        self.place = place
        self._ballast = place / "ballast"

    def fill(self) -> None:
        """Leave no room."""
        with contextlib.suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            while True:
                file.write(_PIECE)

    def free(self) -> None:
        """Give the room back."""
        self._ballast.unlink(missing_ok=True)


@contextlib.contextmanager
def small_disk() -> Iterator[SmallDisk | None]:
    """Mount one, and unmount it at the end; None where that is not permitted."""
    place = Path(tempfile.mkdtemp(prefix="durable-ingest-disk-"))
    place.chmod(0o755)  # for the server's own user
    mount = shutil.which("mount")
    command = [mount or "", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)]
    if mount is None or _fails(command):
        place.rmdir()
        yield None
        return
    try:
        yield SmallDisk(place)
    finally:
        _fails([shutil.which("umount") or "", "--lazy", str(place)])
        place.rmdir()


def _fails(command: list[str]) -> bool:
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  no shell
    return done.returncode != 0
