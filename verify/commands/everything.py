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
    from verify.commands.site import build

    return max(code, build(root, root / "site"))
