"""The fenced code blocks of the documentation, and what is said right above them."""

import re
import textwrap
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<info>.*)$")
_MARK = re.compile(r"<!-- (not run|from): ((?:(?!-->).)+?) -->\s*\Z", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    A comment right above it may say `not run: ` and why, or `from: ` and the file that it is
    quoted from.
    """

    page: str
    """The page's path from the root."""
    line: int
    """Of its first line, from 1."""
    language: str
    text: str
    """Without the indentation of its fence."""
    mark: str
    """`not run`, `from` or nothing."""
    said: str
    """The reason, or the file."""

    @property
    def place(self) -> str:
        """Where to look for it."""
        return f"{self.page}:{self.line}: {self.language or 'no language'}"

    def as_json(self) -> dict[str, Any]:
        """Give its fields."""
        return asdict(self)


def blocks_of(page: str, text: str) -> list[Block]:
    """Find a page's blocks, in order; those in comments as well, which prepare what a reader sees.

    Raises:
        ValueError: a fence is not closed.
    """
    lines = text.splitlines()
    found: list[Block] = []
    number = 0
    while number < len(lines):
        opening = _FENCE.match(lines[number])
        number += 1
        if opening is None or "`" in opening["info"]:
            continue
        first = number
        while number < len(lines) and not _closes(lines[number], opening["fence"]):
            number += 1
        if number == len(lines):
            message = f"{page}:{first}: the fence is not closed"
            raise ValueError(message)
        mark = _MARK.search("\n".join(lines[: first - 1]))
        found.append(
            Block(
                page=page,
                line=first + 1,
                language=(opening["info"].split() or [""])[0],
                text="".join(f"{line}\n" for line in _dedented(lines[first:number], opening)),
                mark=mark[1] if mark else "",
                said=mark[2] if mark else "",
            )
        )
        number += 1
    return found


def _closes(line: str, fence: str) -> bool:
    stripped = line.strip()
    return len(stripped) >= len(fence) and set(stripped) == {fence[0]}


def _dedented(lines: list[str], opening: re.Match[str]) -> list[str]:
    width = len(opening["indent"])
    return [line.lstrip() if line[:width].strip() else line[width:] for line in lines]


def read(page: Path) -> list[Block]:
    """Find the blocks of a page of this repository."""
    return blocks_of(str(page.relative_to(ROOT)), page.read_text())


def is_quoted(block: str, source: str) -> bool:
    """Say whether a text is in a file, at any indentation.

    Lines that say `...` alone, be it in a comment, stand for what is left out.
    """
    wanted = re.split(r"^\s*(?:#|--|//)?\s*(?:\.\.\.|…)\s*$", block, flags=re.MULTILINE)
    pieces = [_lines(piece) for piece in wanted if piece.strip()]
    given = source.splitlines()
    position = 0
    for piece in pieces:
        ends = (
            start + len(piece)
            for start in range(position, len(given) - len(piece) + 1)
            if _lines("\n".join(given[start : start + len(piece)])) == piece
        )
        position = next(ends, -1)
        if position < 0:
            return False
    return bool(pieces)


def _lines(text: str) -> list[str]:
    """Split a text, less the indentation of all its lines and empty ones at its ends."""
    return textwrap.dedent(text).strip("\n").splitlines()
