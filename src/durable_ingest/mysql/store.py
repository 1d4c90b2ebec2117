"""Rows into MySQL: the database's side of the drainer.

What works on a session is loaded with the first one, and not for a cold start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from durable_ingest.mysql.keeping import SessionKeeper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from durable_ingest.deadline import Deadline
    from durable_ingest.rows import Refusal, Row


class MySQLStore(SessionKeeper):
    """Implements `ports.Store` with one connection, kept between calls."""

    def write(self, rows: Sequence[Row], deadline: Deadline) -> dict[int, Refusal | None]:
        """Write rows; see `ports.Store`."""
        from durable_ingest.mysql.cutoff import Cutoff  # noqa: PLC0415 - see above
        from durable_ingest.mysql.writing import Writing  # noqa: PLC0415

        self._check_session(deadline)
        with Cutoff(deadline) as cutoff:
            if self._session is not None:
                cutoff.guard(self._session.connection.line)
            try:
                results = Writing(self, rows, deadline, cutoff).run()
            except BaseException:
                self.drop()  # its transaction may be open, and would show a message as done
                raise
        self._used_at = self.clock.monotonic()
        return results

    def reach(self, deadline: Deadline) -> Refusal | None:
        """Connect where there is no session; see `ports.Store`."""
        from durable_ingest.mysql.cutoff import Cutoff  # noqa: PLC0415 - see above
        from durable_ingest.mysql.refused import RefusedError  # noqa: PLC0415

        self._check_session(deadline)
        if self._session is not None:
            return None
        with Cutoff(deadline) as cutoff:
            try:
                self.connect(deadline, cutoff)
            except RefusedError as error:
                self.went_down()
                return error.refusal
        return None
