"""Pages of the site that stand at the repository's root, where a repository host looks for them.

Links between them and docs/ are written as the host follows them; here they become the site's.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).parent.parent
PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "RELEASING.md": "releasing.md",
    "SECURITY.md": "security-policy.md",
}
"""Their names at the root and in the site."""


def on_files(files: "Files", config: "MkDocsConfig") -> "Files":
    """Add the pages."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text()))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Turn a link to a file at the root, and one from there into docs/, into the site's."""

    def target(link: re.Match[str]) -> str:
        path = link[1].removeprefix("../").removeprefix("docs/")
        return f"]({PAGES.get(path, path)}"

    return re.sub(r"\]\(([\w./-]+)", target, markdown)
