r"""LaTeX -> finished KaTeX HTML at build time, in a V8 inside Python: no Node, no script in the page.

The Markdown extension turns what `pymdownx.arithmatex` (generic) leaves into that HTML. LaTeX that KaTeX
does not accept stops the build with the file and the line.
"""

from __future__ import annotations

import atexit
import functools
import html
import json
import os
import re
from pathlib import Path
from typing import Any

from markdown import Markdown
from markdown.extensions import Extension
from markdown.postprocessors import Postprocessor
from markupsafe import Markup

from verify.site.markdown.place import page_file

KATEX = Path(__file__).parent.parent / "vendor" / "katex" / "katex.min.js"
GENERIC = re.compile(r'<(span|div) class="arithmatex">\s*(?:\\\(|\\\[)(.*?)(?:\\\)|\\\])\s*</\1>', re.S)

# `\htmlClass` is ours alone: it puts the verdict's colour on a mark. Everything else that KaTeX calls
# untrusted stays forbidden, and so does everything that LaTeX would not accept.
RENDER = r"""
function renderFormula(tex, displayMode) {
  return katex.renderToString(tex, {
    displayMode, throwOnError: true, output: "htmlAndMathml",
    strict: code => code === "htmlExtension" ? "ignore" : "error",
    trust: context => {
      if (context.command === "\\htmlClass" && /^vd-mark vd-[a-z]+$/.test(context.class)) return true;
      throw new katex.ParseError(context.command + " is not allowed here");
    },
  });
}
0
"""


class FormulaError(ValueError):
    """LaTeX that KaTeX cannot set; the message names the place in the formula."""


@functools.cache
def _engine() -> Any:
    from py_mini_racer import MiniRacer

    engine = MiniRacer()
    atexit.register(engine.close)  # left open, mini-racer 0.14.1 hangs at exit in one run of twenty
    engine.eval(KATEX.read_text("utf-8") + ";0")
    engine.eval(RENDER)
    return engine


@functools.lru_cache(maxsize=50_000)
def _set(tex: str, display: bool) -> str:
    from py_mini_racer import JSEvalException

    try:
        return _engine().eval(f"renderFormula({json.dumps(tex)}, {json.dumps(display)})")
    except JSEvalException as error:
        reason = str(error).splitlines()[0].rpartition("ParseError: ")[2].removeprefix("KaTeX parse error: ")
        raise FormulaError(f"{reason} (in `{tex.strip()}`)") from None


def formula(tex: str, display: bool = False) -> Markup:
    """`tex` as HTML, left out of the search index, where each formula would show three times over.

    The element has a name of its own because the theme's indexer ends an exclusion at the first closing tag
    of the same name, and KaTeX nests spans.
    """
    kind = "vd-display" if display else "vd-inline"
    return Markup(f'<vd-formula class="{kind}" data-search-exclude>{_set(tex.strip(), display)}</vd-formula>')


class _Formulas(Postprocessor):
    def run(self, text: str) -> str:
        def put(found: re.Match[str]) -> str:
            tex = html.unescape(found[2])
            try:
                return str(formula(tex, display=found[1] == "div"))
            except FormulaError as error:
                raise FormulaError(f"{self._place(tex)}: {error}") from None

        return GENERIC.sub(put, text)

    def _place(self, tex: str) -> str:
        page = page_file(self.md)
        if page is None or not page.abs_src_path:
            return page.src_uri if page else "Markdown"
        file = Path(os.path.realpath(page.abs_src_path))  # staged pages are links to their source
        name = os.path.relpath(file, self.md.treeprocessors["relpath"].config.extra["root"])
        text = file.read_text("utf-8")
        return f"{name}:{text.count(chr(10), 0, max(text.find(tex.strip()), 0)) + 1}"


class FormulaExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        md.postprocessors.register(_Formulas(md), "verify.maths", -10)  # after raw HTML is back in place


def makeExtension(**options: Any) -> FormulaExtension:  # noqa: N802 (Markdown's name for it)
    return FormulaExtension(**options)
