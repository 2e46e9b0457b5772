"""`verify fmt`: formatting twice is formatting once, and what a block says is read the same before and after."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.commands.test_command_line import GOOD, ROOT, in_repository, named, small_repository
from tests.fuzz.inputs import BLOCKS, claims, pages
from verify.commands.fmt import laid_out
from verify.intake import schema
from verify.language.catalog import load_vocabularies
from verify.language.document import CLAIM_OPTIONS, MISTAKE_OPTIONS, read_document
from verify.language.errors import LanguageError
from verify.language.format import formatted
from verify.ledger.keys import PROOF, claim_key

VOCABULARIES, _ = load_vocabularies(ROOT / "verify" / "theory")


def reading(text):
    """All that a document says, without its places: claims with the keys of their verdicts, and the errors."""
    document = read_document(text, "x", VOCABULARIES)
    found = [
        (claim.id, claim_key(claim, PROOF), claim.title, claim.slogan, claim.words, claim.assumed, claim.sources,
         claim.uses, claim.experiments, [" ".join(line.split()) for line in claim.declared],
         [" ".join(piece.split()) for piece in claim.prose],
         [[(row.relation, row.expression, row.reason) for row in chain] for chain in claim.chains],
         [(m.title, m.source, m.experiment, [row.expression for row in m.rows]) for m in claim.mistakes])
        for claim in document.claims
    ]  # fmt: skip
    return found, [error.message for error in document.errors]


@st.composite
def untidy(draw):
    """A real claim in another layout: options in any order, blank lines, spaces, bullets, displays on one line."""
    lines = draw(st.sampled_from(BLOCKS)).splitlines()
    chance = random.Random(draw(st.integers(0, 10**9)))
    head = [place for place, line in enumerate(lines) if line.startswith("    ") and ":" in line[:20]]
    ends = next((n for n, place in enumerate(head, 1) if place != n), len(head) + 1) - 1
    options = lines[1 : 1 + ends]
    chance.shuffle(options)
    out, inside = [lines[0], *options, ""], False
    for line in lines[1 + ends :]:
        inside ^= line.count("$$") % 2 == 1
        if line.startswith("- ") and not inside and chance.random() < 0.3:
            line = chance.choice(("*  ", "-   ", "* ")) + line[2:]
        if not line.startswith("///") and not line.endswith("\\"):
            line += " " * chance.choice((0, 0, 2, 5))
        out.append(line)
        if not inside and not line.strip() and chance.random() < 0.5:
            out += [""] * chance.randint(1, 3)
    return "\n" * chance.randint(0, 3) + "\n".join(out) + "\n" * chance.randint(0, 4)


@settings(max_examples=60, deadline=None)
@given(untidy())
def test_an_untidy_claim_is_read_the_same_and_laid_out_once(text):
    once = formatted(text)
    assert formatted(once) == once
    assert reading(once) == reading(text)


@settings(max_examples=60, deadline=None)
@given(st.one_of(pages, claims(), st.text(max_size=200).map(lambda text: f"{GOOD}\n{text}\n{GOOD}")))
def test_damaged_pages_too(text):
    try:
        once = formatted(text)
    except LanguageError:
        return
    assert formatted(once) == once
    assert reading(once) == reading(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))


def test_layouts_of_the_same_real_claim_end_in_one():
    tidy = GOOD
    for text in (GOOD.replace("\n\n", "\n\n\n"), GOOD.replace("- $a", "*  $a"), GOOD + "\n\n\n", "\n\n" + GOOD,
                 GOOD.replace("$$ (a", "$$(a").replace("b^2 $$", "b^2$$"), GOOD.replace("\n", "\r\n"),
                 "\ufeff" + GOOD):  # fmt: skip
        assert laid_out(text, "x") == tidy


@pytest.mark.parametrize(
    "text",
    [
        "# Prose  \nwith a hard break\n\n\n\nand room\n",
        "```markdown\n/// claim | in.code\n   title:   x\n///\n```\n",
        GOOD.replace("    title: A square", "    colour: red\n    title: A square"),
        GOOD.replace("    title: A square", "    title: A\n    title: B"),
        "/// details | more\ntext\n///\n",
        "---\ntitle: A page # with a remark\nhide: [toc]\n---\n# A\n",
    ],
)
def test_what_is_not_ours_to_lay_out_stays(text):
    assert laid_out(text, "x") == text


def test_front_matter_gets_the_order_of_its_fields():
    head = "---\nstate: open\nkind: 'Why'\nasked: 2026-11-21\nclaims:\n  - a.b\n  - c.d\nid: x\n"
    assert laid_out(head + 'title: "It: so?"\n---\n# x\n', "x") == (
        '---\nid: x\nkind: Why\nstate: open\nasked: 2026-11-21\ntitle: "It: so?"\nclaims: [a.b, c.d]\n---\n# x\n'
    )


def test_the_command_writes_checks_and_is_stable(tmp_path):
    folder = small_repository(tmp_path, named("t.one").replace("- $a", "*   $a"))
    path = folder / "verify" / "theory" / "t" / "claims.md"
    before = path.read_text()
    check = in_repository(folder, "fmt", "--check", "--diff")
    assert check.returncode == 1 and "+- $a, b$ : real" in check.stdout and path.read_text() == before
    assert in_repository(folder, "fmt").returncode == 0 and path.read_text() != before
    assert in_repository(folder, "fmt", "--check").returncode == 0
    (folder / "docs").mkdir(exist_ok=True)
    (folder / "docs" / "bad.md").write_text("/// claim | t.open\n    title: x\n")
    done = in_repository(folder, "fmt", "--check")
    assert done.returncode == 2 and "docs/bad.md:1:1: this block is never closed" in done.stderr


def test_the_repository_is_laid_out():
    """The schemas that editors read are made from the one table, and every page has the layout."""
    for name, text in schema.json_schemas().items():
        assert (ROOT / schema.FOLDER / name).read_text("utf-8") == text, "run: verify fmt"
        assert json.loads(text)["additionalProperties"] is False
    for path in [*(ROOT / "verify/theory").glob("*/*.md"), *(ROOT / "questions").rglob("*.md")]:
        assert laid_out(path.read_text("utf-8"), path.name) == path.read_text("utf-8"), f"run: verify fmt {path}"


def test_the_table_knows_the_options_of_the_language():
    documents = {name: json.loads(text) for name, text in schema.json_schemas().items()}
    for name, options in (("claim.json", CLAIM_OPTIONS), ("mistake.json", MISTAKE_OPTIONS)):
        assert {key.removesuffix("-zh") for key in documents[name]["properties"]} == set(options)
