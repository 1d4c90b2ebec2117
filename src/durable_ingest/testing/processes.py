"""A mysqld or mariadbd of this machine, run on a data directory of its own."""

import getpass
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from durable_ingest.testing.child import Child
from durable_ingest.testing.servers import (
    DATABASE,
    OPTIONS,
    READ_ONLY_OPTIONS,
    STOP_WITHIN,
    USER,
    ControlledServer,
    flavour_of,
)

# Server programs lie where an ordinary user's PATH does not look.
_SEARCH = os.pathsep.join(
    [os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin", "/usr/libexec"]
)
_INSTALLERS = ("mariadb-install-db", "mysql_install_db")


def find(*names: str) -> str | None:
    """Find the first of these programs."""
    return next((path for name in names if (path := shutil.which(name, path=_SEARCH))), None)


def why_not() -> str:
    """Say why no server can be run as a process here; empty when one can."""
    program = find("mysqld", "mariadbd")
    if program is None:
        return "neither mysqld nor mariadbd is installed"
    if _flavour(program) == "mariadb" and not (find(*_INSTALLERS) and find("my_print_defaults")):
        return f"{program} is there, but mariadb-install-db or my_print_defaults is not"
    return ""


def _flavour(program: str) -> str:
    return flavour_of(_output(program, "--no-defaults", "--version"))


def _output(*command: str) -> str:
    """Run a short command; its exit status other than 0 raises with its output."""
    done = subprocess.run(  # noqa: S603  programs found above, no shell
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )
    if done.returncode:
        message = f"{command[0]} ended with {done.returncode}:\n{done.stdout[-3000:]}"
        raise RuntimeError(message)
    return done.stdout


class ProcessServer(ControlledServer):
    """A local mysqld or mariadbd; everything it makes lies in one temporary directory."""

    def __init__(self, program: str | None = None) -> None:
        """Use `program`, else the mysqld or mariadbd found on this machine.

        Raises:
            FileNotFoundError: there is none.
        """
        super().__init__()
        found = program or find("mysqld", "mariadbd")
        if found is None:
            raise FileNotFoundError(why_not())
        self._program = found
        self._flavour_of_program = _flavour(found)
        self._home: Path | None = None
        self._child: Child | None = None

    @property
    def flavour(self) -> str:
        """`mysql` or `mariadb`."""
        return self._flavour_of_program

    @property
    def running(self) -> bool:
        """Whether the process lives; a frozen one does."""
        return self._child is not None and self._child.running

    def _create(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="durable-ingest-"))
        (self._home / "tmp").mkdir()
        self._child = Child(self._home / "log")
        accounts = self._home / "accounts.sql"
        accounts.write_text(self._accounts())
        accounts.chmod(0o600)
        if self.flavour == "mysql":
            _output(
                *self._command(),
                "--initialize-insecure",
                "--skip-log-bin",
                f"--init-file={accounts}",
            )
            return
        installer = find(*_INSTALLERS)
        if installer is None:
            raise FileNotFoundError(why_not())
        _output(
            installer,
            "--no-defaults",
            f"--datadir={self._home / 'data'}",
            f"--tmpdir={self._home / 'tmp'}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            f"--user={getpass.getuser()}",
        )
        self._start(f"--init-file={accounts}")
        self._wait_until_it_answers()

    def _accounts(self) -> str:
        """One statement a line, as --init-file wants it."""
        # With names unresolved, connections over TCP come from an address, never from localhost.
        return "\n".join(
            [
                # MariaDB's installer has made this account already.
                "CREATE USER IF NOT EXISTS root@'127.0.0.1';",
                f"ALTER USER root@'127.0.0.1' IDENTIFIED BY '{self._root_password}';",
                "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;",
                f"ALTER USER root@localhost IDENTIFIED BY '{self._root_password}';",
                f"CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY '{self._password}';",
                f"GRANT ALL ON `{DATABASE}%`.* TO {USER}@'127.0.0.1';",
                f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4;",
                "",
            ]
        )

    def _command(self) -> list[str]:
        home = self._directory
        # MariaDB sweeps its temporary directory at its start: servers must not share one.
        directories = [f"--datadir={home / 'data'}", f"--tmpdir={home / 'tmp'}"]
        command = [self._program, "--no-defaults", *directories]
        # The server refuses to run as root unless it is told to.
        return [*command, "--user=root"] if getpass.getuser() == "root" else command

    @property
    def _directory(self) -> Path:
        if self._home is None:
            message = "the server was not started yet"
            raise RuntimeError(message)
        return self._home

    def _start(self, *options: str) -> None:
        home = self._directory
        if self._child is not None:
            self._child.start(
                [
                    *self._command(),
                    *OPTIONS,
                    f"--port={self.port}",
                    "--bind-address=127.0.0.1",
                    f"--socket={home / 'socket'}",
                    f"--pid-file={home / 'pid'}",
                    # MySQL's second protocol would listen on every interface.
                    "--loose-mysqlx=OFF",
                    *options,
                ],
                cwd=home,
            )

    def _launch(self, *, read_only: bool) -> None:
        self._start(*(READ_ONLY_OPTIONS if read_only else ()))

    def _last_words(self) -> str:
        return "" if self._child is None else self._child.last_words()

    def stop(self) -> None:
        """Shut down gracefully; return when it is down."""
        if self._child is not None:
            self.thaw()
            self._child.end(signal.SIGTERM, within=STOP_WITHIN)

    def kill(self) -> None:
        """End it with SIGKILL; return when it is dead."""
        if self._child is not None:
            self._child.end(signal.SIGKILL, within=STOP_WITHIN)

    def freeze(self) -> None:
        """Hang it (SIGSTOP); return when all its threads stand still."""
        if self._child is not None:
            self._child.stop_for_now()

    def thaw(self) -> None:
        """Let it go on (SIGCONT)."""
        if self._child is not None:
            self._child.send(signal.SIGCONT)

    def _remove(self) -> None:
        self.kill()
        if self._home is not None:
            shutil.rmtree(self._home)
        self._home = self._child = None
