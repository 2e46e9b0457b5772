"""`verify` alone: judge, measure, build the site, print the summary. What `make verify` does after its setup."""

from __future__ import annotations

from verify.commands import common
from verify.commands.run import execute, exit_code, print_summary


def run() -> int:
    root = common.find_root()
    found = execute(root, [], fresh=False, experiments=True)
    print_summary(found)
    code = exit_code(found)
    if not (root / "mkdocs.yml").is_file():
        return code
    if code in (common.UNREADABLE, common.OUR_ERROR):
        print("the site was not built")
        return code
    from verify.site.build import build_site

    with common.progress_bar("building the site") as advance:
        index = build_site(root, root / "site", progress=advance)
    print(f"open {index}")
    return code
