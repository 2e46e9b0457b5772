r"""How to cite a claim: one BibTeX entry each, and `claims.bib` with all of them.

The entry names what stays: the id, the title, the version of the knowledge base, the permanent address. A verdict is
no part of it, because it may change after the citation was printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from verify.language.claim import Claim

if TYPE_CHECKING:
    from verify.site.cards.card import Shelf

# What BibTeX or LaTeX would read as more than a letter. Braces become commands: BibTeX counts even escaped ones.
_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\textbraceleft{}",
        "}": r"\textbraceright{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{sign: f"\\{sign}" for sign in "&%$#_"},
    }
)


@dataclass(frozen=True)
class Imprint:
    """Who publishes the knowledge base, and where.

    url  where the edition is published, with a slash at its end; empty when that is not known
    """

    name: str = "Verified Diffusion"
    authors: tuple[str, ...] = ()
    version: str = ""
    url: str = ""


def read_imprint(root: Path, url: str = "") -> Imprint:
    """The imprint in CITATION.cff at `root`; bare when there is no such file."""
    import yaml

    file = root / "CITATION.cff"
    if not file.is_file():
        return Imprint(url=url)
    said = yaml.safe_load(file.read_text("utf-8"))
    names = [author.get("name") or f"{author['given-names']} {author['family-names']}" for author in said["authors"]]
    return Imprint(str(said["title"]), tuple(map(str, names)), str(said.get("version", "")), url)


def bibtex(claim: Claim, title: str, address: str, imprint: Imprint) -> str:
    """The BibTeX entry of a claim under its title in one language; its key is the claim's id.

    address  its permanent address, from the root of the edition
    """
    version = f", version {_plain(imprint.version)}" if imprint.version else ""
    fields = {
        "author": " and ".join(f"{{{_plain(name)}}}" for name in imprint.authors),
        "title": f"{{{_plain(title)}}}",
        "howpublished": f"{_plain(imprint.name)}{version}",
        "note": f"claim {_plain(claim.id)}",
        "url": f"{imprint.url}{address}" if imprint.url else "",
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return ",\n".join([f"@misc{{{claim.id}", *lines]) + "\n}"


def write(shelf: Shelf, folder: Path) -> None:
    """Writes `claims.bib`, the entries of all claims, into `folder`, the root of an edition's pages."""
    entries = [shelf.cite(claim) for claims in shelf.library.topics.values() for claim in claims]
    (folder / "claims.bib").write_text("\n\n".join(entries) + "\n", "utf-8")


def _plain(text: str) -> str:
    """`text` on one line, so that LaTeX prints it as it stands."""
    return " ".join(text.split()).translate(_ESCAPES)
