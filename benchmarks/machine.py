"""What the figures were measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from drill.stage import server_name

if TYPE_CHECKING:
    from durable_ingest.testing import DatabaseServer

PACKAGES = ("boto3", "pydantic", "pymysql", "tenacity", "aws-lambda-powertools")


def describe(server: "DatabaseServer") -> list[str]:
    """Say what the machine is, what ran on it, and how busy it was before."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return [
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs ({_processor()})",
        f"load before the run: {load:.2f}",
        f"Python {platform.python_version()}",
        f"{server_name(server)}, on the same machine",
        ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    ]


def _processor() -> str:
    """Read the processor's name where the system tells it."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
