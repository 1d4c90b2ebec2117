"""What `make docs` checks in the built site."""

import runpy
from pathlib import Path

import pytest

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "check-site"))
GOOD = """
<link rel="stylesheet" href="assets/a.css"><script src="data:,x"></script>
<a id="top" href="#top">here</a> <a href="deep/b.html#part">there</a> <a href="deep/">folder</a>
<a href="https://elsewhere.example/">out</a> <a href="mailto:a@b.example">mail</a>
"""


def problems(folder: Path, page: str = GOOD, style: str = "") -> list[str]:
    """Build a site of three pages and check it."""
    (folder / "deep").mkdir()
    (folder / "assets").mkdir()
    (folder / "a.html").write_text(page)
    (folder / "deep" / "b.html").write_text('<h2 id="part"></h2><a href="../a.html#top"></a>')
    (folder / "deep" / "index.html").write_text('<a href="/a.html"></a>')
    (folder / "assets" / "a.css").write_text(style)
    found: list[str] = list(SCRIPT["problems"](folder))
    return found


def test_a_good_site_has_no_problems(tmp_path: Path) -> None:
    """Links to other sites are followed by readers, not by browsers."""
    assert problems(tmp_path, style="a { background: url(b.svg) url('data:image/x;,') }") == []


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ('<a href="none.html">', "a.html: none.html leads nowhere"),
        ('<img src="none.png">', "a.html: none.png leads nowhere"),
        ('<a href="#none">', "a.html: #none has no such anchor"),
        ('<a href="deep/b.html#none">', "a.html: deep/b.html#none has no such anchor"),
        ('<script src="//cdn.example/x.js">', "a.html: loads //cdn.example/x.js"),
        ('<link href="https://fonts.example">', "a.html: loads https://fonts.example"),
        ('<img src="https://count.example/1.png">', "a.html: loads https://count.example/1.png"),
    ],
)
def test_problems_of_a_page(page: str, problem: str, tmp_path: Path) -> None:
    """Each is named, with its page."""
    assert problem in problems(tmp_path, GOOD + page)


@pytest.mark.parametrize("style", ["url(https://cdn.example/f)", "@import '//cdn.example/f'"])
def test_problems_of_a_style_sheet(style: str, tmp_path: Path) -> None:
    """It can load fonts and pictures."""
    [problem] = problems(tmp_path, style=f"a {{ {style} }}")
    assert problem.startswith("assets/a.css: loads ")


def test_an_empty_site_is_a_problem(tmp_path: Path) -> None:
    """A check of nothing proves nothing."""
    assert list(SCRIPT["problems"](tmp_path)) == [f"{tmp_path}: no pages"]
