"""A change makes exactly the affected verdicts stale: in a claim, in a judging module, in a version."""

from __future__ import annotations

import pytest

from verify.language.document import read_document, read_vocabulary
from verify.ledger import keys
from verify.ledger.keys import PROOF, SAMPLING, claim_key
from verify.ledger.store import Ledger

VOCABULARY = "- $\\sigma, \\tau$ : positive\n- $s = 2\\sigma$\n"
TEXT = """/// claim | t.one
    title: One
    use: t

- $a$ : real

$$ (a+\\sigma)^2 = a^2+2a\\sigma+\\sigma^2 = (\\sigma+a)^2 $$
///

/// claim | t.two
    title: Two
    use: t

$$ s = \\sigma + \\sigma $$
///
"""


def keys_of(text=TEXT, vocabulary=VOCABULARY, route=PROOF):
    document = read_document(text, "t.md", {"t": read_vocabulary(vocabulary, "v.md")})
    assert not document.errors
    return {claim.id: claim_key(claim, route) for claim in document.claims}


BEFORE = keys_of()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("a^2+2a", "a^2 + 2 a"),  # spacing
        lambda text: text.replace("title: One", "title: Another title"),
        lambda text: "Some prose.\n\n" + text,
        lambda text: text.replace("= (\\sigma+a)^2", "= \\left(\\sigma+a\\right)^{2}"),
    ],
)
def test_what_says_the_same_stays_fresh(change):
    assert keys_of(change(TEXT)) == BEFORE


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        (lambda text: text.replace("a^2+2a", "a^2+3a"), {"t.one"}),
        (lambda text: text.replace("$a$ : real", "$a$ : positive"), {"t.one"}),
        (lambda text: text.replace("\\sigma + \\sigma", "\\sigma - \\sigma"), {"t.two"}),
        (lambda text: text.replace("= a^2", "\\le a^2"), {"t.one"}),
    ],
)
def test_one_character_makes_its_claim_stale_and_no_other(change, stale):
    after = keys_of(change(TEXT))
    assert {name for name in BEFORE if BEFORE[name] != after[name]} == stale


def test_a_shared_name_makes_stale_what_uses_it():
    after = keys_of(vocabulary=VOCABULARY.replace("2\\sigma", "3\\sigma"))
    assert {name for name in BEFORE if BEFORE[name] != after[name]} == {"t.two"}
    after = keys_of(vocabulary=VOCABULARY.replace("\\sigma, \\tau$ : positive", "\\sigma$ : positive"))
    assert after == BEFORE  # \tau was used by nobody


@pytest.mark.parametrize(
    ("module", "stale"),
    [
        ("verify.proof.step", {PROOF}),
        ("verify.meaning.reading", {PROOF}),
        ("verify.sampling.judge", {SAMPLING}),
        ("verify.language.tree", {PROOF, SAMPLING}),
        ("verify.site.cards.card", set()),
        ("verify.cli", set()),
    ],
)
def test_a_changed_module_makes_stale_the_routes_that_import_it(module, stale, monkeypatch):
    from verify import sources

    whole = sources.source_hashes

    def edited(root):
        return {name: "edited" if name == module else value for name, value in whole(root).items()}

    monkeypatch.setattr(sources, "source_hashes", edited)
    after = {}
    for route in (PROOF, SAMPLING):
        sources.closure_hash.cache_clear()
        keys.judge_version.cache_clear()
        after[route] = keys_of(route=route)
    sources.closure_hash.cache_clear()
    keys.judge_version.cache_clear()
    monkeypatch.undo()
    changed = {route for route in after if after[route] != keys_of(route=route)}
    assert changed == stale


@pytest.mark.parametrize("library", ["sympy", "mpmath", "python-flint"])
def test_a_new_library_version_makes_proofs_stale(library, monkeypatch):
    from importlib import metadata

    real = metadata.version
    monkeypatch.setattr(keys.metadata, "version", lambda name: "99" if name == library else real(name))
    keys.judge_version.cache_clear()
    after = keys_of()
    keys.judge_version.cache_clear()
    assert all(after[name] != BEFORE[name] for name in BEFORE)


def test_the_import_closure_is_the_real_one():
    """The regular expression finds every module of ours that importing the judge really loads."""
    import subprocess
    import sys

    from verify.sources import source_hashes

    for judge in keys.JUDGES.values():
        code = f"import sys, {judge}; print('\\n'.join(m for m in sys.modules if m.split('.')[0] == 'verify'))"
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        loaded = {name for name in out.split() if name != "verify" and not _is_package(name)}
        assert loaded <= set(source_hashes(judge))


def _is_package(name):
    from verify.sources import PACKAGE

    return PACKAGE.joinpath(*name.split(".")[1:]).is_dir()


class TestStore:
    entry = {"proof": {"verdict": "proved"}, "complete": True}

    def test_what_is_written_is_read(self, tmp_path):
        Ledger(tmp_path).write("t.one", self.entry)
        assert Ledger(tmp_path).entry("t.one")["proof"] == {"verdict": "proved"}

    def test_nothing_known_is_none(self, tmp_path):
        assert Ledger(tmp_path).entry("t.one") is None

    @pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"schema": 99}', b"\xff\xfe"])
    def test_a_damaged_file_counts_as_missing_and_is_named(self, damage, tmp_path):
        ledger = Ledger(tmp_path)
        ledger.write("t.one", self.entry)
        (ledger.folder / "t.one.json").write_bytes(damage)
        again = Ledger(tmp_path)
        assert again.entry("t.one") is None
        assert again.damaged == ["t.one"]

    def test_a_full_disk_leaves_the_old_entry_whole(self, tmp_path, monkeypatch):
        ledger = Ledger(tmp_path)
        ledger.write("t.one", self.entry)

        def full(*arguments, **options):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.replace", full)
        with pytest.raises(OSError, match="No space left"):
            ledger.write("t.one", {"proof": {"verdict": "refuted"}})
        monkeypatch.undo()
        assert Ledger(tmp_path).entry("t.one")["proof"] == {"verdict": "proved"}
        assert [path.name for path in ledger.folder.iterdir()] == ["t.one.json"]
