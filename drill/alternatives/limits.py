"""AWS' limits, and what is left of them in an outage that stands for a longer one."""

from dataclasses import dataclass
from typing import Self

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Times in seconds. AWS documents the first four; the others are assumptions."""

    function: float = 900.0
    """The longest that a Lambda function may run."""
    gateway: float = 29.0
    """How long API Gateway waits for it; the client is then answered 504."""
    borrow: float = 120.0
    """How long RDS Proxy lets a client wait for a connection, by default."""
    storage: float = 512.0 * MEGABYTE
    """Bytes in an execution environment's /tmp, by default."""
    scan_every: float = 60.0
    """EventBridge Scheduler's shortest rate."""
    longest_pause: float = 60.0
    """Between two attempts of a function that retries and whose client has gone."""
    idle: float = 600.0
    """How long an unused environment is kept. AWS names no figure."""
    lifetime: float = 7200.0
    """How long one in use is kept: "every few hours", says AWS."""

    @property
    def patience(self) -> float:
        """How long a function waits for the server: then there is time left to answer.

        A server on its way up or down may accept a connection and say nothing.
        """
        return self.gateway / 2

    def pause_after(self, seconds: float) -> float:
        """How long a function that has tried for so long may pause."""
        return self.gateway / 10 if seconds < self.gateway else self.longest_pause

    def scaled(self, by: float) -> Self:
        """Divide everything by the number of seconds that one second stands for."""
        return type(self)(**{name: value / by for name, value in vars(self).items()})

    def lines(self, real: "Limits") -> list[str]:
        """Say each limit beside the real one."""
        return [
            (
                f"function {self.function:.4g} s for {real.function:g} s,"
                f" gateway {self.gateway:.4g} s for {real.gateway:g} s,"
                f" borrow time-out {self.borrow:.4g} s for {real.borrow:g} s,"
                f" storage {self.storage / MEGABYTE:.4g} MB for {real.storage / MEGABYTE:g} MB"
            ),
            (
                f"assumed: a wait for the server of {self.patience:.4g} s for {real.patience:g} s,"
                f" a scan every {self.scan_every:.4g} s for {real.scan_every:g} s,"
                f" pauses of at most {self.longest_pause:.4g} s for {real.longest_pause:g} s,"
                f" environments recycled after {self.idle:.4g} s idle for {real.idle:g} s"
                f" and {self.lifetime:.4g} s in use for {real.lifetime:g} s"
            ),
        ]
