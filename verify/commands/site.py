"""`verify site build|serve`: the reader's site, in both languages."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from verify.commands import common

HELP = "build the site, or serve it while you write"
EXAMPLES = """examples:
  verify site build                 into site/
  verify site build --url https://example.org/diffusion/      with sitemap and feeds
  verify site serve --port 8000     live reload; saving a page judges what changed
  verify site check                 may site/ be published? every id answers, nothing is stale"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="build|serve|check")
    build = actions.add_parser("build", help="build both editions")
    build.add_argument("--out", type=Path, default=None, help="folder (default: site/)")
    build.add_argument("--url", default=None, help="where it will be published (default: VERIFY_SITE_URL)")
    serve = actions.add_parser("serve", help="build, serve and watch")
    serve.add_argument("--port", type=int, default=8000)
    check = actions.add_parser("check", help="whether a built site may be published")
    check.add_argument("folder", type=Path, nargs="?", default=None, help="default: site/")


def run(arguments: argparse.Namespace) -> int:
    root = common.find_root()
    if arguments.action == "serve":
        from verify.commands.serve import serve

        return serve(root, arguments.port)
    if arguments.action == "check":
        return check(root, arguments.folder or root / "site")
    return build(root, arguments.out or root / "site", arguments.url)


def check(root: Path, site: Path) -> int:
    """Print what keeps `site` from being published."""
    from verify.commands.ids import present_ids
    from verify.language.ids import load_register
    from verify.site.complete import shortcomings

    found = shortcomings(site, load_register(root), present_ids(root))
    for fault in found:
        print(fault, file=sys.stderr)
    print(f"{site}: {f'{len(found)} faults' if found else 'complete'}")
    return common.UNREADABLE if found else common.WELL


def build(root: Path, out: Path, url: str | None = None) -> int:
    """Build both editions and print the file to open; faults of the pages are errors of input."""
    from verify.site.build import SiteError, build_site

    try:
        with common.progress_bar("building the site") as advance:
            index = build_site(root, out, progress=advance, url=url)
    except SiteError as error:
        print(error, file=sys.stderr)
        return common.UNREADABLE
    print(f"open {index}")
    return common.WELL
