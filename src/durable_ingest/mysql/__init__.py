"""The database side: the only package that imports PyMySQL, and that when it connects."""

from durable_ingest.mysql.target import MySQL

__all__ = ["MySQL"]
