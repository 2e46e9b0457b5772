"""A question that a stranger wrote is shown on the site and does nothing there, whatever way it came."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_untrusted import elements
from verify.site.build import SiteError, build_site
from verify.site.contents.model import Library

ROOT = Path(__file__).parents[2]
REFRESH = '0;url=https://evil.example" http-equiv="refresh'
QUESTION = f"""---
id: planted
kind: Why
state: open
asked: 2026-11-21
title: '{REFRESH}'
---
# {REFRESH}

<script>alert("planted")</script> <img src=planted onerror=planted> [x](javascript:planted) [y](&#106;avascript:planted)

<div onclick="planted">y</div>

$a<b$ and `<b>` {{: style="planted" }}
"""


def test_a_planted_question_is_words_on_every_page(project: Path, library: Library) -> None:
    (project / "questions" / "planted.md").write_text(QUESTION, "utf-8")
    build_site(project, project / "site", strict=False, library=library)
    for name in ("questions/planted.html", "zh/questions/planted.html", "questions/index.html"):
        page = (project / "site" / name).read_text("utf-8")
        for tag, attributes in elements(page):
            assert tag != "meta" or attributes.get("http-equiv", "").lower() != "refresh"
            if "evil.example" in str(attributes):
                assert tag in ("meta", "a", "label", "nav", "div", "h1", "span", "input", "li"), tag
            assert not attributes.get("href", "").lower().startswith(("javascript", "data:", "https://evil"))
            assert "planted" not in (attributes.get("onclick", "") + attributes.get("onerror", ""))
            assert attributes.get("src", "") != "planted" and "planted" not in attributes.get("style", "")
        assert not re.search(r"<script>\s*alert", page)
    shown = (project / "site" / "questions" / "planted.html").read_text("utf-8")
    assert "&lt;script&gt;alert" in shown and "<code>&lt;b&gt;</code>" in shown


@pytest.mark.parametrize(
    ("front", "message"),
    [
        ("a: &a [x]\nb: *a", "anchors and aliases"),
        ("title: <script>", "plain text without < and >"),
        ("kind: !!python/name:os.system x", "the tag"),
        ("id: ../../x", "id looks like"),
    ],
)
def test_front_matter_that_is_refused_stops_the_build(
    project: Path, library: Library, front: str, message: str
) -> None:
    base = ["id: bad", "kind: Why", "state: open", "asked: 2026-11-21", "title: T"]
    kept = [line for line in base if line.split(":")[0] != front.split(":")[0]]
    (project / "questions" / "bad.md").write_text("\n".join(["---", *kept, front, "---", "# Bad", ""]), "utf-8")
    with pytest.raises(SiteError, match=re.escape(message)) as caught:
        build_site(project, project / "site", library=library)
    assert "questions/bad.md:" in str(caught.value) and len(str(caught.value)) < 1_000
