"""MkDocs glue that has no place in a Markdown extension.

Formulas and apparatus are held back while the theme indexes the text: its indexer is slow, and would otherwise read
the hundred elements of every formula only to leave them out.
"""

from __future__ import annotations

import html
import os
import re
from pathlib import Path
from typing import Any

from mkdocs.plugins import event_priority

from verify.site.programs import search

HELD = re.compile(r"<(vd-formula|vd-graph|vd-stage|aside|ol)\b[^>]*\bdata-search-exclude\b.*?</\1>", re.S)
FOREIGN = re.compile(
    r"<(style|script)\b.*?</\1>"
    r'|<div class="zeroclipboard-container">.*?</clipboard-copy>\s*</div>|<div class="clipboard-copy-txt".*?</div>',
    re.S,
)
HOLE = re.compile(r"<vd-hole n=(\d+)></vd-hole>")
TAGS = re.compile(r"<(style|script|section|h1|table)\b.*?</\1>|<[^>]+>", re.S)


def on_env(env: Any, config: Any, files: Any) -> Any:
    """No template changes while a site is built: nothing looks at its file again for every page."""
    env.auto_reload = False
    return env


def on_page_content(content: str, page: Any, config: Any, files: Any) -> str:
    """Takes out what the search index leaves out; `on_post_page` puts it back."""
    held = page.meta["held"] = []
    if page.file.src_uri.startswith("notebooks/"):
        # nbconvert brings 600 kB of style, a script from another host, and each cell twice
        content = FOREIGN.sub("", content).replace("<pre>", '<pre tabindex="0">')

    def hold(found: re.Match[str]) -> str:
        held.append(found[0])
        return f"<vd-hole n={len(held) - 1}></vd-hole>"

    kept = HELD.sub(hold, content)
    page.meta["formulas"] = any("<vd-formula" in part for part in held)  # so that their fonts come early
    return kept


def on_page_context(context: Any, page: Any, config: Any, nav: Any) -> Any:
    """Gives the page its description, its source for "edit this page", and the note on its language."""
    root = Path(config.extra["root"])
    source = Path(os.path.realpath(page.file.abs_src_path))
    if source.is_relative_to(root):
        name = source.relative_to(root).as_posix()
        authored = not name.startswith(".verify/")
        page.edit_url = f"{config.repo_url}/edit/main/{name}" if authored and config.repo_url else None
        page.meta["untranslated"] = authored and config.theme["language"] == "zh" and "/zh/" not in f"/{name}"
    if page.file.src_uri.startswith("questions/") and page.file.name != "index":
        page.meta["hide"] = [*page.meta.get("hide", ()), "navigation"]  # too many for a sidebar: the index has filters
    if "description" not in page.meta:
        text = _claims(page, config) or " ".join(html.unescape(TAGS.sub(" ", page.content or "")).split())
        page.meta["description"] = html.escape(f"{html.unescape(page.title)}: {text}"[:155].strip())
    return context


def _claims(page: Any, config: Any) -> str:
    """The titles of the claims on a page that is made of nothing else."""
    shelf = config.mdx_configs["verify.site.markdown.blocks"]["shelf"]
    return "; ".join(shelf.say(claim.title) for claim in shelf.library.topics.get(page.meta.get("topic"), ()))


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Puts back what was held, and names the theme's search dialog (axe: aria-dialog-name)."""
    held = page.meta["held"]
    name = "搜索" if config.theme["language"] == "zh" else "Search"
    output = output.replace(
        'data-md-component="search" role="dialog"', f'data-md-component="search" role="dialog" aria-label="{name}"'
    )
    return HOLE.sub(lambda found: held[int(found[1])], output)


@event_priority(-50)  # when the theme has written its index, and before it copies that for sites without a server
def on_post_build(config: Any) -> None:
    """Lets the search find claims by id and by the names in their formulas."""
    shelf = config.mdx_configs["verify.site.markdown.blocks"]["shelf"]
    search.complete(Path(config.site_dir) / "search" / "search_index.json", shelf)
