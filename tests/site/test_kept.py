"""A site is built again as soon as anything behind it or in it has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from verify.site import kept


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("mkdocs.yml", "docs/index.md", "docs/assets/book.css", "questions/why.md", "site/index.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("one", "utf-8")
    return tmp_path


def test_nothing_is_current_before_the_first_build(project: Path) -> None:
    assert not kept.is_current(project, project / "site")


def test_an_untouched_site_is_current(project: Path) -> None:
    kept.keep(project, project / "site")
    assert kept.is_current(project, project / "site")


@pytest.mark.parametrize(
    "name", ["mkdocs.yml", "docs/index.md", "docs/assets/book.css", "questions/why.md", "site/index.html"]
)
def test_a_changed_file_makes_it_stale(project: Path, name: str) -> None:
    kept.keep(project, project / "site")
    (project / name).write_text("two and more", "utf-8")
    assert not kept.is_current(project, project / "site")


def test_a_lost_or_new_file_makes_it_stale(project: Path) -> None:
    kept.keep(project, project / "site")
    (project / "docs" / "new.md").write_text("new", "utf-8")
    assert not kept.is_current(project, project / "site")
    (project / "docs" / "new.md").unlink()
    assert kept.is_current(project, project / "site")
    (project / "site" / "index.html").unlink()
    assert not kept.is_current(project, project / "site")


def test_running_the_notebooks_is_another_site(project: Path, monkeypatch) -> None:
    kept.keep(project, project / "site")
    monkeypatch.setenv("VERIFY_NOTEBOOKS", "1")
    assert not kept.is_current(project, project / "site")
