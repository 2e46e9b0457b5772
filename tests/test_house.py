"""Rules of the house that a machine can check: imports run one way, text is never executed, prose keeps to itself."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "verify").rglob("*.py"))

# Room -> what its modules may import of this package (besides themselves and `verify.sources`).
MAY_IMPORT = {
    "language": (),
    "meaning": ("language",),
    "proof": ("language", "meaning", "ledger.verdict"),
    "sampling": ("language", "ledger.verdict"),
    "experiments": ("theory",),
    "theory": ("experiments",),
    "intake": ("language",),
    "ledger": ("language", "experiments.records"),
    "running": ("language", "ledger", "meaning.errors", "proof", "sampling", "experiments"),
    "site": ("language", "ledger", "intake", "experiments.records", "experiments.registry"),
}
BASES = ("sources", "files")  # modules on which every room may stand, and which stand on none
LIBRARIES_FORBIDDEN = {
    "language": {"sympy", "torch", "mpmath"},
    "sampling": {"sympy", "torch"},
    "ledger": {"sympy", "torch"},
    "experiments": {"sympy"},
    "site": {"sympy", "torch"},
}


def room_of(path):
    parts = path.relative_to(ROOT / "verify").parts
    return parts[0] if len(parts) > 1 else ""


def imports(path):
    names = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
            if node.module == "verify" or node.module.count(".") == 1:
                names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


@pytest.mark.parametrize(
    "path", [p for p in SOURCES if room_of(p) in MAY_IMPORT], ids=lambda p: str(p.relative_to(ROOT))
)
def test_imports_run_one_way(path):
    room = room_of(path)
    allowed = (room, *BASES, *MAY_IMPORT[room])
    for name in imports(path):
        if name.startswith("verify."):
            inner = name.removeprefix("verify.")
            assert any(inner == a or inner.startswith(a + ".") or a.startswith(inner + ".") for a in allowed), name
        assert name.split(".")[0] not in LIBRARIES_FORBIDDEN.get(room, set()), name


def test_what_every_room_stands_on_stands_on_none():
    for name in BASES:
        inner = {m for m in imports(ROOT / "verify" / f"{name}.py") if m.startswith("verify.")}
        assert inner <= {f"verify.{base}" for base in BASES}, name


def test_no_text_is_ever_executed():
    """No eval, exec, compile, sympify, parse_latex, parse_expr, lambdify, os.system or shell=True in the package."""
    forbidden = {"eval", "exec", "compile", "sympify", "parse_expr", "parse_latex", "lambdify", "system", "popen", "S"}
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            function = node.func
            name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
            of = (
                function.value.id
                if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)
                else ""
            )
            if name in forbidden and of not in ("re", "engine", "context"):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {of}.{name}")
            if any(k.arg == "shell" and getattr(k.value, "value", False) for k in node.keywords):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}: shell=True")
    # V8 runs our own vendored KaTeX; formulas reach it as JSON strings.
    assert [line for line in found if "verify/site/markdown/maths.py" not in line] == []


def test_every_module_says_what_it_is_for():
    for path in SOURCES:
        tree = ast.parse(path.read_text("utf-8"))
        if tree.body:
            assert ast.get_docstring(tree), path


def test_nobody_imports_the_top():
    for path in SOURCES:
        if room_of(path) not in ("", "commands", "site"):
            assert not any(
                name.startswith(("verify.cli", "verify.commands", "verify.site")) for name in imports(path)
            ), path


FOLDERS = ("verify", "docs", "questions", "tests", "benchmarks", "records", ".github")
KINDS = (".md", ".py", ".toml", ".yml", ".cff", ".txt", ".json")
TEXTS = [*(p for p in ROOT.glob("*") if p.is_file()), *(p for f in FOLDERS for p in (ROOT / f).rglob("*"))]
TEXTS = [p for p in TEXTS if p.suffix in KINDS and "vendor" not in p.parts]


def test_the_text_holds_no_machine_paths():
    pattern = re.compile(r"/root/|/home/\w+|file://|C:\\\\Users")
    for path in TEXTS:
        if path.is_file() and path.name != Path(__file__).name:
            assert not pattern.search(path.read_text("utf-8", errors="ignore")), path


def cards(path):
    return re.findall(r"^/// card \| (\S+)", path.read_text("utf-8"), re.M)


@pytest.mark.parametrize("path", sorted((ROOT / "docs").rglob("*.md")), ids=lambda p: str(p.relative_to(ROOT)))
def test_both_languages_show_the_same_claims_in_the_same_order(path):
    inside = path.relative_to(ROOT / "docs")
    if inside.parts[0] == "zh":
        assert (ROOT / "docs" / Path(*inside.parts[1:])).is_file(), f"{inside} translates nothing"
        return
    other = ROOT / "docs" / "zh" / inside
    assert other.is_file(), f"{inside} has no translation"
    assert cards(path) == cards(other)


def test_every_question_but_an_open_one_is_in_both_languages():
    """A question that came from an issue is in its asker's words until somebody takes it up."""
    names = {p.name for p in (ROOT / "questions").glob("*.md")}
    translated = {p.name for p in (ROOT / "questions" / "zh").glob("*.md")}
    waiting = {name for name in names if "\nstate: open\n" in (ROOT / "questions" / name).read_text("utf-8")}
    assert names - waiting <= translated <= names and translated


def test_every_claim_is_shown_on_a_page():
    from verify.language.catalog import load_catalog

    catalog = load_catalog(ROOT)
    shown = {name for document in catalog.documents for name, _ in document.shown}
    assert set(catalog.claims) <= shown


def test_every_cited_work_is_in_the_bibliography():
    from verify.language.catalog import load_catalog

    works = set(re.findall(r"^@\w+\{([^,]+),", (ROOT / "docs/references.bib").read_text("utf-8"), re.M))
    cited = {source.key for claim in load_catalog(ROOT).claims.values() for source in claim.sources}
    assert cited <= works


def test_titles_and_slogans_are_in_both_languages():
    from verify.language.catalog import load_catalog

    for claim in load_catalog(ROOT).claims.values():
        assert set(claim.title) == {"en", "zh"} and set(claim.slogan) == {"en", "zh"}, claim.id
        assert not any("$" in text for text in claim.slogan.values()), claim.id
        for mistake in claim.mistakes:
            assert set(mistake.title) == {"en", "zh"}, mistake.name
