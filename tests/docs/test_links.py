"""Links between the pages lead somewhere, as a repository host shows them.

`make docs` checks them again as the site has them.
"""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES


def prose(page: Path) -> str:
    """Give a page's text without its code."""
    text = re.sub(r"^( *)(```+).*?^\1\2 *$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]+`", lambda code: re.sub(r"[\[\]<>#]", "", code[0]), text)


def anchors(page: Path) -> set[str]:
    """Make the anchors of a page's headings as repository hosts do."""
    seen: Counter[str] = Counter()
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.*?) *#*$", prose(page), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        found.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file that is there, and a heading of it."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)[^)]*\)", prose(page)):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_references_are_defined(page: Path) -> None:
    """`[text][name]` has its `[name]: …`, or names what `make docs` looks for in the reference."""
    text = prose(page)
    used = {name for name in re.findall(r"\]\[([^\]]+)\]", text) if "durable_ingest." not in name}
    assert used <= set(re.findall(r"^\[([^\]]+)\]: ", text, re.MULTILINE))


def test_anchors_are_those_of_repository_hosts(tmp_path: Path) -> None:
    """Signs dropped, spaces to hyphens, a number for the second of a name."""
    page = tmp_path / "page.md"
    page.write_text(
        "# 1. Nothing, is `lost`\n```sh\n# no heading\n```\n## A [link](x.md)\n## A link ##\n"
    )
    assert anchors(page) == {"1-nothing-is-lost", "a-link", "a-link-1"}
