"""The reading order: it has to be one, its faults say where they are, and no verdict knows of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from verify.language.catalog import link_document, load_catalog
from verify.language.claim import Claim
from verify.language.document import read_document
from verify.language.format import formatted
from verify.language.order import order_errors
from verify.language.scope import Scope
from verify.ledger.keys import claim_key, statement_hash, steps_of

NAMES = "abcdef"


def claim(name: str, after: str = "", uses: str = "") -> Claim:
    ids = lambda letters: tuple(f"t.{letter}" for letter in letters)
    return Claim(f"t.{name}", {"en": name}, Scope(), (), (), after=ids(after), uses=ids(uses), file="f.md", line=3)


def block(name: str, after: str = "") -> str:
    option = f"    after: {after}\n" if after else ""
    return f"/// claim | {name}\n    title: T\n{option}\n$$ 1 = 1 $$\n///\n"


def told(*claims: Claim) -> list[str]:
    return [str(error) for error in order_errors(claims)]


def test_each_fault_is_one_sentence_with_its_place() -> None:
    assert told(claim("a"), claim("b", after="a")) == []
    (unknown,) = told(claim("a", after="z"))
    assert unknown.startswith("f.md:3:1: t.a is to be read after t.z, which does not exist")
    (itself,) = told(claim("a", after="a"))
    assert itself.startswith("f.md:3:1: t.a is to be read after itself")
    (circle,) = told(claim("a", after="b"), claim("b", after="c"), claim("c", after="a"))
    assert circle.startswith("f.md:3:1: the reading order runs in a circle: t.a after t.b after t.c after t.a")


def test_what_a_claim_rests_on_comes_first_too() -> None:
    (circle,) = told(claim("a", after="b"), claim("b", uses="a"))
    assert "t.a after t.b after t.a" in circle
    assert told(claim("a", uses="b"), claim("b", uses="a")) == []  # told where claims are linked


@given(st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=12))
def test_a_circle_is_found_exactly_where_nothing_can_be_read_next(pairs: set[tuple[str, str]]) -> None:
    pairs = {(later, earlier) for later, earlier in pairs if later != earlier}
    claims = [claim(name, "".join(sorted(b for a, b in pairs if a == name))) for name in NAMES]
    left = set(NAMES)
    while ready := {name for name in left if not any(a == name and b in left for a, b in pairs)}:
        left -= ready
    assert bool(told(*claims)) == bool(left)


def test_ten_thousand_claims_in_a_row_are_read_without_depth() -> None:
    row = [
        replace(claim("a"), id=f"t.n{number}", after=(f"t.n{number - 1}",) * bool(number)) for number in range(10_000)
    ]
    assert told(*reversed(row)) == []


def test_a_repository_and_a_file_of_ones_own_are_told(tmp_path: Path) -> None:
    path = tmp_path / "verify" / "theory" / "t" / "claims.md"
    path.parent.mkdir(parents=True)
    path.write_text(block("t.a", "t.b") + block("t.b", "t.a"), "utf-8")
    assert ["circle" in str(error) for error in load_catalog(tmp_path).errors] == [True]
    path.write_text(block("t.a"), "utf-8")
    document = read_document(block("my.own", "t.a, t.c"), "mine.md")
    link_document(document, tmp_path)
    assert [error.message for error in document.errors] == ["my.own is to be read after t.c, which does not exist"]


def test_no_key_and_no_hash_knows_of_it() -> None:
    (plain,), (ordered,) = (read_document(block("t.a", after), "f.md").claims for after in ("", "t.b, t.b, t.c"))
    assert ordered.after == ("t.b", "t.c")
    for route in ("proof", "sampling"):
        assert claim_key(plain, route) == claim_key(ordered, route)
    assert statement_hash(plain.scope, steps_of(plain)) == statement_hash(ordered.scope, steps_of(ordered))


def test_the_layout_keeps_it() -> None:
    assert "    after: t.b" in formatted(block("t.a", "t.b"))
