"""A small repository to judge, and its ledger without what a clock wrote."""

from __future__ import annotations

from verify.ledger.store import Ledger

CLAIM = """/// claim | t.c{number}
    title: A square

- $a, b$ : real
- dimensions: 1

$$ (a+b)^2+{number} = a^2+2ab+b^2+{number} $$
///

/// mistake | t.c{number}
    title: half of the product

$$ = a^2+ab+b^2+{number} $$
///
"""


def make(folder, claims):
    """`claims` true squares, each with a wrong version."""
    (folder / "verify" / "theory" / "t").mkdir(parents=True)
    (folder / "mkdocs.yml").write_text("site_name: t\n")
    text = "\n".join(CLAIM.format(number=number) for number in range(claims))
    (folder / "verify" / "theory" / "t" / "claims.md").write_text(text)
    return folder


def timeless(value):
    """The same data without seconds."""
    if isinstance(value, dict):
        return {key: timeless(inner) for key, inner in value.items() if key != "seconds"}
    if isinstance(value, list):
        return [timeless(inner) for inner in value]
    return value


def verdicts(root):
    """Every entry of a ledger, without seconds."""
    names = sorted(path.stem for path in Ledger(root).folder.glob("*.json"))
    return {name: timeless(Ledger(root).entry(name)) for name in names}
