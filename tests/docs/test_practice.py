"""The policies of the guide, taken from the page as a reader copies them: valid, and as good as their tests say."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from app.cli.main import main
from tests.docs.pages import ROOT, text_of

GUIDE = ROOT / "docs" / "four-eyes-in-practice.md"
SECTIONS = re.split(r"^## ", text_of(GUIDE), flags=re.MULTILINE)[1:]
WHOLE = "# policy\n", "# policy tests\n"


def title(section: str) -> str:
    return section.splitlines()[0]


def written(section: str, folder: Path) -> None:
    """Where the guide says that they go."""
    shown = re.findall(r"^```yaml\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)
    assert [text.splitlines(keepends=True)[0] for text in shown] == list(WHOLE)
    (folder / ".github").mkdir()
    for name, text in zip(("countersign.yaml", "countersign.tests.yaml"), shown, strict=True):
        (folder / ".github" / name).write_text(text)


def countersign(*words: str) -> object:
    sys.argv = ["countersign", *words]
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_the_guide_has_five_policies() -> None:
    assert len(SECTIONS) == 5
    assert all(f"[{title(section)}](#" in text_of(GUIDE) for section in SECTIONS)


@pytest.mark.parametrize("section", SECTIONS, ids=title)
def test_each_policy_of_the_guide_is_valid_and_decides_what_its_tests_say(
    section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written(section, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [])
    assert countersign("policy", "validate") == 0, capsys.readouterr().out
    assert countersign("policy", "test") == 0, capsys.readouterr().out
    told = capsys.readouterr().out
    assert re.search(r"^\d+ cases came out as expected\.$", told, re.MULTILINE)
    assert "applied in no case" not in told
