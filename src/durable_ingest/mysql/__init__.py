"""The database side: the only package that imports PyMySQL, and that when it connects."""

from durable_ingest.mysql.inbox import Inbox
from durable_ingest.mysql.target import MySQL

__all__ = ["Inbox", "MySQL"]
