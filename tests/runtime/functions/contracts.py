"""What the example cannot show: a command that counts, and hangs where it is told to."""

import os
from pathlib import Path
from threading import Event
from typing import Any, Self

from pydantic import BaseModel, model_validator

from durable_ingest import Command, Table


def hang_at(step: str) -> None:
    """Hang, if the file that HANG_FILE names is there and names this step."""
    file = Path(os.environ.get("HANG_FILE", os.devnull))
    if file.exists() and file.read_text() == step:
        Event().wait()


class Visit(BaseModel):
    """Somebody was there."""

    place: str

    @model_validator(mode="after")
    def _read(self) -> Self:
        hang_at("model")
        return self


def count(cursor: Any, visit: Visit) -> None:  # noqa: ANN401 - PyMySQL's cursor
    """Count a visit; done twice it counts twice."""
    cursor.execute("UPDATE visits SET times = times + 1 WHERE place = %s", (visit.place,))
    hang_at("apply")


class Item(BaseModel):
    """A row of `items`."""

    item_id: int
    note: str


visits = Command("visit", Visit, group="place", apply=count)
items = Table("items", Item, key="item_id", sequence="ingest_sequence")
