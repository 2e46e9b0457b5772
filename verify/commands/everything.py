"""`verify` alone: judge, measure, build the site, print the summary. What `make verify` does after its setup."""

from __future__ import annotations

from verify.commands import common
from verify.commands.run import judge_and_show
from verify.running.options import EVERYTHING
from verify.site import kept


def run() -> int:
    root = common.find_root()
    code = judge_and_show(root, EVERYTHING)
    if not (root / "mkdocs.yml").is_file():
        return code
    if code in (common.UNREADABLE, common.OUR_ERROR):
        print("the site was not built")
        return code
    out = root / "site"
    if kept.is_current(root, out):
        print(f"open {out / 'index.html'}")
        return code
    from verify.commands.site import build

    built = build(root, out)
    if built == common.WELL:
        kept.keep(root, out)
    return max(code, built)
