"""What counts as caught, and what does not."""

from pathlib import Path

import pytest

from mutants import trial
from mutants.main import main
from mutants.planted import MisplacedError, Planted
from mutants.trial import Trial, Verdict

CONTRADICTED = {"test": "t", "error": "AssertionError", "contradicted": True}
FAILED_OTHERWISE = {"test": "t", "error": "NameError", "contradicted": False}


@pytest.mark.parametrize(
    ("exit_code", "failures", "verdict"),
    [
        (0, [], Verdict.SURVIVED),
        (1, [CONTRADICTED], Verdict.CAUGHT),
        (1, [FAILED_OTHERWISE, CONTRADICTED], Verdict.CAUGHT),
        (1, [FAILED_OTHERWISE], Verdict.BROKEN),
        (1, [], Verdict.BROKEN),
        (2, [], Verdict.BROKEN),
        (4, [], Verdict.BROKEN),
        (5, [], Verdict.BROKEN),
        (None, [CONTRADICTED], Verdict.BROKEN),
    ],
)
def test_only_a_contradiction_counts(
    exit_code: int | None, failures: list[dict[str, object]], verdict: Verdict
) -> None:
    """No error of an import or a fixture, no test that is not there, no run without an end."""
    assert Trial(exit_code, failures).verdict is verdict


def test_a_text_that_occurs_twice_is_misplaced() -> None:
    """Nobody knows then which one is meant."""
    fault = Planted(name="n", file="f.py", before="x", after="y", tests=["t"])
    assert fault.mutated("a x b") == "a y b"
    for source in ("x x", "none"):
        with pytest.raises(MisplacedError, match="not once"):
            fault.mutated(source)


def listed(tmp_path: Path, *faults: tuple[str, str, str]) -> Path:
    """Write a list of faults of batching.py: name, before and after."""
    path = tmp_path / "faults.toml"
    path.write_text(
        "".join(
            f"[[fault]]\nname = '{name}'\nfile = 'batching.py'\nbefore = '{before}'\n"
            f"after = '{after}'\ntests = ['tests/unit/test_batching.py::{test}']\n"
            for name, before, after in faults
            for test in ["test_ten_entries_fill_a_batch"]
        )
    )
    return path


def test_a_run_names_what_is_not_caught(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One fault is caught, one does not matter to the test, one breaks the import."""
    path = listed(
        tmp_path,
        ("nine at most", "MAX_ENTRIES: Final = 10", "MAX_ENTRIES: Final = 9"),
        ("no room", "entry.size <= room", "entry.size < room"),
        ("no module", "MAX_ENTRIES: Final = 10", "import nowhere"),
    )
    assert main(["--list", str(path)]) == 1
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines() if " s  n" in line] == [
        "caught",
        "SURVIVED",
        "BROKEN",
    ]
    assert said.endswith("NOT CAUGHT:\n  no room\n  no module\n")


def test_a_list_that_is_out_of_date_is_no_success(tmp_path: Path) -> None:
    """Nor is a choice of nothing."""
    path = listed(tmp_path, ("gone", "this is nowhere", ""))
    for arguments in ([], ["-k", "something else"]):
        with pytest.raises(SystemExit) as ended:
            main(["--list", str(path), *arguments])
        assert ended.value.code == 2


def test_a_hanging_test_is_ended(tmp_path: Path) -> None:
    """With all that it started."""
    tmp_path.joinpath("test_hangs.py").write_text(
        "import subprocess\ndef test_hangs():\n    subprocess.run(['sleep', '60'])\n"
    )
    tmp_path.joinpath("pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    for name in ("src", "mutants"):
        tmp_path.joinpath(name).symlink_to(trial.ROOT / name)
    assert trial.run(tmp_path, ["test_hangs.py"], {}, limit=0.5).exit_code is None


def test_other_peoples_source_is_not_tested(tmp_path: Path) -> None:
    """The package must be the copy's own."""
    tmp_path.joinpath("test_nothing.py").write_text("def test_nothing(): pass\n")
    tmp_path.joinpath("pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    tmp_path.joinpath("mutants").symlink_to(trial.ROOT / "mutants")
    ran = trial.run(tmp_path, ["test_nothing.py"], {})
    assert ran.verdict is Verdict.BROKEN
    assert "is not in" in ran.last_words
