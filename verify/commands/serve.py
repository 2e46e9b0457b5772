"""`verify site serve`: the site with live reload; saving a page judges what changed in warm workers."""

from __future__ import annotations

import time
from pathlib import Path

from verify.commands import common
from verify.language.catalog import load_catalog
from verify.ledger.store import Ledger
from verify.running.judge import judge_claims, needs_judging
from verify.running.workers import Workers


def serve(root: Path, port: int) -> int:
    """Serve until interrupted. Mutants wait for the next `verify run`."""
    from verify.site.serve import serve as serve_site

    with Workers() as workers:
        workers.warm()

        def judge_changes() -> None:
            started = time.perf_counter()
            catalog, ledger = load_catalog(root), Ledger(root)
            common.print_errors(catalog.errors)
            changed = [claim for claim in catalog.claims.values() if needs_judging(claim, ledger)]
            report = judge_claims(changed, ledger, workers, mutants=0)
            common.print_crashes(report.crashes)
            for claim_id in report.judged:
                entry = ledger.entry(claim_id)
                print(f"{claim_id}: {entry['proof']['verdict'] if entry else '?'}")
            print(f"judged {len(report.judged)} claims in {time.perf_counter() - started:.2f} s")

        judge_changes()
        serve_site(root, port, judge_changes)
    return common.WELL
