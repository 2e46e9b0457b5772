"""The command `verify` as its users meet it: exit codes, messages, bounds, interruption."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]
VERIFY = [sys.executable, "-m", "verify"]

GOOD = """/// claim | mine.good
    title: A square

- $a, b$ : real
- dimensions: 1

$$ (a+b)^2 = a^2+2ab+b^2 $$
///
"""
WRONG = GOOD.replace("mine.good", "mine.wrong").replace("+2ab", "+ab")


def verify(*arguments, cwd, text=None, timeout=120):
    return subprocess.run(
        [*VERIFY, *arguments], cwd=cwd, input=text, capture_output=True, text=True, timeout=timeout,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def check(text, tmp_path, *arguments):
    return verify("check", "-", *arguments, cwd=tmp_path, text=text)


class TestCheck:
    def test_a_right_derivation(self, tmp_path):
        done = check(GOOD, tmp_path)
        assert done.returncode == 0, done.stderr
        assert "step 1: ✓ proved" in done.stdout

    def test_a_wrong_one_shows_the_point_and_both_values(self, tmp_path):
        done = check(WRONG, tmp_path)
        assert done.returncode == 1
        assert "✗ refuted" in done.stdout
        for part in ("at a = ", "left:", "right:", "difference:"):
            assert part in done.stdout

    def test_one_wrong_block_does_not_hide_the_other(self, tmp_path):
        done = check(WRONG + GOOD, tmp_path)
        assert done.returncode == 1
        assert "✓ proved" in done.stdout and "✗ refuted" in done.stdout

    def test_an_unreadable_block_does_not_hide_the_other(self, tmp_path):
        done = check(GOOD.replace("mine.good", "mine.bad").replace("2ab", "2aq") + GOOD, tmp_path)
        assert done.returncode == 2
        assert "<stdin>:7:" in done.stderr and "undeclared name q" in done.stderr and "^" in done.stderr
        assert "✓ proved" in done.stdout

    def test_json(self, tmp_path):
        entry = json.loads(check(GOOD, tmp_path, "--json").stdout)["mine.good"]
        assert entry["proof"]["verdict"] == "proved"
        assert entry["sampling"]["verdict"] == "supported"

    def test_a_mistake_that_is_right_fails(self, tmp_path):
        text = GOOD + "\n/// mistake | mine.good\n    title: not wrong at all\n\n$$ = b^2+a^2+2ba $$\n///\n"
        assert check(text, tmp_path).returncode == 1

    def test_declarations_that_nothing_satisfies_are_vacuous(self, tmp_path):
        text = GOOD.replace("- dimensions", "- $a^2 + 1 < 0$\n- dimensions").replace("+2ab", "+7ab")
        done = check(text, tmp_path)
        assert done.returncode == 1
        assert "vacuous" in done.stdout
        assert "proved" not in done.stdout

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "no claim found"),
            ("just prose\n", "no claim found"),
            (GOOD.replace("2ab", "2" + "(" * 1_000 + "a"), "nested more than"),
            (GOOD.replace("2ab", "2" + "(" * 10_000 + "a"), "more than 4,000 symbols"),
            (GOOD.replace("2ab", "2ab" + "+a" * 300_000), "characters"),
            (GOOD.replace("$a, b$", "$a$"), "undeclared name b"),
            (GOOD.replace("a^2", r"\foo"), "unknown macro \\foo"),
            (GOOD.replace("2ab", "2{ab"), "unbalanced"),
            (GOOD.replace("$a, b$ : real", "$a, b$ : vector"), "a vector"),
        ],
    )
    def test_bad_input_is_one_message_and_exit_code_2(self, text, message, tmp_path):
        done = check(text, tmp_path)
        assert done.returncode == 2, done.stdout + done.stderr
        assert message in done.stderr
        assert "Traceback" not in done.stderr + done.stdout

    @pytest.mark.parametrize(
        "formula", ["9^{9^{9^9}} = 1", "(1+a+b)^{60}(1+ab)^{60} = 1", r"\exp(\exp(\exp(\exp(9)))) = a"]
    )
    def test_a_formula_that_would_not_fit_ends_undecided_or_refuted(self, formula, tmp_path):
        done = check(GOOD.replace("(a+b)^2 = a^2+2ab+b^2", formula), tmp_path)
        assert done.returncode in (0, 1)
        assert "✓ proved" not in done.stdout
        assert "Traceback" not in done.stderr

    def test_a_file_that_does_not_exist(self, tmp_path):
        done = verify("check", "nowhere.md", cwd=tmp_path)
        assert done.returncode == 2 and "cannot read nowhere.md" in done.stderr

    def test_bytes_that_are_no_text(self, tmp_path):
        (tmp_path / "x.md").write_bytes(b"\xff\xfe\x00")
        done = verify("check", "x.md", cwd=tmp_path)
        assert done.returncode == 2 and "not UTF-8" in done.stderr


class TestLight:
    """What only reads must not import the heavy libraries."""

    def modules_after(self, code):
        script = f"import sys\n{code}\nprint(' '.join(sys.modules))"
        out = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
        return set(out.stdout.split("\n")[-2].split())

    @pytest.mark.parametrize(
        "arguments", [["status", "--json"], ["status"], ["experiment", "list"], ["show", "edm.precond"]]
    )
    def test_reading_commands_import_neither_sympy_nor_torch(self, arguments):
        loaded = self.modules_after(f"from verify.cli import main; main({arguments!r})")
        assert "verify.cli" in loaded
        assert not loaded & {"sympy", "torch", "mkdocs", "hypothesis"}

    def test_help_has_examples(self):
        for command in "run check watch show status experiment site new fmt diff question".split():
            done = verify(command, "--help", cwd=ROOT)
            assert done.returncode == 0 and "examples:" in done.stdout

    def test_an_unknown_claim_is_named_with_a_suggestion(self):
        done = verify("show", "edm.precnd", cwd=ROOT)
        assert done.returncode == 2 and "did you mean edm.precond?" in done.stderr


def small_repository(folder, *texts):
    """A repository of its own with the product's code linked in."""
    (folder / "verify" / "theory" / "t").mkdir(parents=True)
    (folder / "mkdocs.yml").write_text("site_name: t\n")
    (folder / "verify" / "theory" / "t" / "claims.md").write_text("\n".join(texts))
    return folder


def in_repository(folder, *arguments, timeout=180):
    """Run from elsewhere than the folder's own `verify`, which holds theory only."""
    code = (
        f"import os, sys; from verify.cli import main; os.chdir({str(folder)!r}); sys.exit(main({list(arguments)!r}))"
    )
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=timeout)


def named(name, formula="(a+b)^2 = a^2+2ab+b^2"):
    return GOOD.replace("mine.good", name).replace("(a+b)^2 = a^2+2ab+b^2", formula)


class TestRun:
    def test_only_what_changed_is_judged_again(self, tmp_path):
        folder = small_repository(tmp_path, named("t.one"), named("t.two", "a+b = b+a"))
        assert "judged 2 claims" in in_repository(folder, "run", "--no-experiments").stderr
        assert "judged 0 claims" in in_repository(folder, "run", "--no-experiments").stderr
        path = folder / "verify" / "theory" / "t" / "claims.md"
        path.write_text(path.read_text().replace("a+b = b+a", "b+a = a+b"))
        status = json.loads(in_repository(folder, "status", "--json").stdout)
        assert {c["id"]: c["stale"] for c in status["claims"]} == {"t.one": False, "t.two": True}
        assert "judged 1 claims" in in_repository(folder, "run", "--no-experiments").stderr

    def test_the_status_document_has_its_schema(self, tmp_path):
        folder = small_repository(tmp_path, named("t.one"))
        document = json.loads(in_repository(folder, "run", "--no-experiments", "--json").stdout)
        assert document["version"] == 1
        counts = "claims verdicts steps steps_proved mistakes mistakes_refuted mutants stale"
        counts += " experiments experiments_confirmed translations translations_proved"
        assert set(document["counts"]) == set(counts.split())
        (entry,) = document["claims"]
        fields = "id title topic verdict why routes dimensions upstream stale problems seconds"
        fields += " says declared uses mistakes survived translations"
        assert set(entry) == set(fields.split())
        assert entry["verdict"] == "proved" and entry["routes"]["sampling"] == "supported"
        assert document["counts"]["mutants"]["survived"] == 0

    def test_a_kept_status_is_shown_until_something_is_touched(self, tmp_path):
        folder = small_repository(tmp_path, named("t.one"))
        first = in_repository(folder, "run")
        again = in_repository(folder, "run")
        assert "nothing has changed" in again.stderr and again.stdout == first.stdout
        theory = folder / "verify" / "theory" / "t" / "claims.md"
        theory.write_text(theory.read_text().replace("2ab", "3ab"))
        status = json.loads(in_repository(folder, "status", "--json").stdout)
        assert status["counts"]["stale"] == 1
        assert in_repository(folder, "run").returncode == 1

    def test_an_edited_ledger_entry_is_not_hidden_by_the_kept_status(self, tmp_path):
        folder = small_repository(tmp_path, named("t.one"))
        in_repository(folder, "run")
        (folder / ".verify" / "ledger" / "t.one.json").write_text("{}")
        assert json.loads(in_repository(folder, "status", "--json").stdout)["counts"]["stale"] == 1

    def test_the_weakest_upstream_verdict_is_shown(self, tmp_path):
        assumed = "/// claim | t.base\n    title: B\n    assumed: cited\n///\n"
        folder = small_repository(
            tmp_path, assumed, named("t.one").replace("title: A square", "title: A\n    uses: t.base")
        )
        document = json.loads(in_repository(folder, "run", "--no-experiments", "--json").stdout)
        entry = next(c for c in document["claims"] if c["id"] == "t.one")
        assert entry["upstream"] == {"verdict": "assumed", "weakest": "t.base"}

    def test_an_experiment_that_does_not_exist_is_an_error(self, tmp_path):
        text = named("t.one").replace("title: A square", "title: A\n    experiments: no-such-thing")
        done = in_repository(small_repository(tmp_path, text), "run")
        assert done.returncode == 2
        assert "claims.md:1:1: t.one names the experiment no-such-thing, which does not exist" in done.stderr

    def test_a_refuted_claim_fails_the_run(self, tmp_path):
        folder = small_repository(tmp_path, named("t.one", "a+b = a-b"))
        done = in_repository(folder, "run", "--no-experiments")
        assert done.returncode == 1 and "a step is refuted" in done.stdout

    def test_two_readings_that_disagree_are_our_error_and_both_are_printed(self, tmp_path):
        folder = small_repository(tmp_path, named("t.one"))
        in_repository(folder, "run", "--no-experiments")
        path = folder / ".verify" / "ledger" / "t.one.json"
        entry = json.loads(path.read_text())
        entry["sampling"]["steps"][0] |= {"verdict": "refuted", "method": "planted"}
        path.write_text(json.dumps(entry))
        done = in_repository(folder, "run", "--no-experiments")
        assert done.returncode == 3
        assert "the two readings disagree on step 1" in done.stderr
        assert (
            "as read: " in done.stderr
            and "proof: proved" in done.stderr
            and "sampling: refuted; planted" in done.stderr
        )

    def test_a_killed_run_keeps_what_was_done(self, tmp_path):
        many = [named(f"t.c{i}", f"(a+b)^2+{i} = a^2+2ab+b^2+{i}") for i in range(30)]
        folder = small_repository(tmp_path, *many)
        code = f"import os; from verify.cli import main; os.chdir({str(folder)!r}); main(['run', '--no-experiments'])"
        process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
        ledger = folder / ".verify" / "ledger"
        for _ in range(1200):
            if ledger.is_dir() and len(list(ledger.glob("*.json"))) >= 3:
                break
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kept = len(list(ledger.glob("*.json")))
        assert kept >= 3
        for path in ledger.glob("*.json"):
            json.loads(path.read_text())
        done = in_repository(folder, "run", "--no-experiments")
        assert done.returncode == 0, done.stderr
        assert f"judged {30 - kept} claims" in done.stderr


def broken_copy(tmp_path, module, old, new):
    """The package with one module broken on purpose."""
    shutil.copytree(ROOT / "verify", tmp_path / "verify", ignore=shutil.ignore_patterns("__pycache__", "vendor"))
    shutil.copy(ROOT / "mkdocs.yml", tmp_path / "mkdocs.yml")
    path = tmp_path / "verify" / module
    text = path.read_text()
    assert text.count(old) == 1, f"the canary needs {old!r} once in {module}"
    path.write_text(text.replace(old, new))
    return tmp_path


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        # The reader drops a sign: both readings see the same wrong tree, so mistakes and steps tell.
        (
            "language/reader.py",
            'break\n            minus = self.advance().text == "-"',
            'break\n            minus = self.advance().text == "?"',
        ),
        # The prover calls everything zero: the second reading disagrees, mistakes are not refuted.
        ("proof/exact.py", "settled = all(decision.zero for decision in attempt)", "settled = True"),
    ],
)
def test_a_canary_a_broken_module_makes_the_run_fail(tmp_path, module, old, new):
    folder = broken_copy(tmp_path, module, old, new)
    done = subprocess.run(
        [sys.executable, "-m", "verify", "run", "edm.precond", "--no-experiments", "--jobs", "2"],
        cwd=folder, capture_output=True, text=True, timeout=300, env={**os.environ, "PYTHONPATH": str(folder)},
    )  # fmt: skip
    assert done.returncode != 0, done.stdout
