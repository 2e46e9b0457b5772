"""The second opinion as a whole: true steps, wrong steps, and steps it cannot see."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.language.strategies import formulas
from verify.language.document import read_document
from verify.language.scope import INDEX, POSITIVE, REAL, UNIT, Declaration, Scope
from verify.language.tree import (
    Add,
    ArgMin,
    BigO,
    Call,
    Derivative,
    Divide,
    Dotted,
    Function,
    Gaussian,
    Gradient,
    Identity,
    Integral,
    Laplacian,
    Moment,
    Multiply,
    Name,
    Negate,
    Norm,
    Number,
    Power,
    Root,
    Summation,
)
from verify.ledger.verdict import REFUTED, SUPPORTED, UNDECIDED
from verify.proof.mutants import mutants
from verify.sampling import instances, jets, quadrature
from verify.sampling.draw import candidates
from verify.sampling.judge import judge_step

ROOT = Path(__file__).parents[2]
CORPUS = {claim.id: claim for claim in read_document((ROOT / "tests/contract/corpus.md").read_text("utf-8"), "").claims}
x, y, a, b, h, t = (Name(key) for key in "xyabht")
ONE, TWO = Number("1"), Number("2")


def scope(**domains: str) -> Scope:
    result = Scope()
    for key in "xy":
        result.put(Declaration(key, value="vector"))
    for key in "abht":
        result.put(Declaration(key, domain=domains.get(key, REAL)))
    result.put(Declaration("g", "function", "scalar", REAL, ("t",)))
    result.put(Declaration("p", "function", "scalar", POSITIVE, ("x",)))
    result.put(Declaration("q", "function", "scalar", POSITIVE, ("a", "x"), density=True))
    result.put(Declaration("n", "random", mean=Name("a"), variance=Power(Name("b"), TWO)))
    result.put(Declaration("i", domain=INDEX))
    return result


def verdict(left, right, where=None, **domains):
    return judge_step(left, right, where or scope(**domains)).verdict


def half(node):
    return Divide(node, TWO)


# ---------------------------------------------------------------- single constructs

TRUE_STEPS = {
    "square": (Power(Add((a, b)), TWO), Add((Power(a, TWO), Multiply((TWO, a, b)), Power(b, TWO)))),
    "gradient of a norm": (Gradient(None, Power(Norm(x), TWO)), Multiply((TWO, x))),
    "laplacian counts dimensions": (Laplacian(None, half(Power(Norm(x), TWO))),
                                    Laplacian("y", half(Power(Norm(y), TWO)))),
    "score": (Multiply((Call("p"), Gradient(None, Function("log", Call("p"))))), Gradient(None, Call("p"))),
    "a density integrates to one": (Integral(("a",), None, None, Call("q", (a, x))), ONE),
    "gaussian moment": (Moment("E", (("x", Gaussian(None, y, Identity())),), Power(Norm(Add((x, Negate(y)))), TWO)),
                        Laplacian(None, half(Power(Norm(x), TWO)))),
    "declared moments": (Moment("E", (), Power(Name("n"), TWO)), Add((Power(a, TWO), Power(b, TWO)))),
    "variance": (Moment("Var", (), Multiply((Number("3"), Name("n")))), Multiply((Number("9"), Power(b, TWO)))),
    "fundamental theorem": (Derivative("t", 1, Integral(("h",), Number("0"), t, Call("g", (h,)))), Call("g", (t,))),
    "minimiser": (ArgMin("a", Power(Add((a, Negate(Multiply((TWO, b))))), TWO)), Multiply((TWO, b))),
    "order": (Function("exp", h), Add((ONE, h, half(Power(h, TWO)), BigO("h", 3)))),
    "dot at another argument": (Dotted(Call("g", (Multiply((TWO, t)),))),
                                half(Derivative("t", 1, Call("g", (Multiply((TWO, t)),))))),
}  # fmt: skip
WRONG_STEPS = {
    "square": (Power(Add((a, b)), TWO), Add((Power(a, TWO), Power(b, TWO)))),
    "a lost two": (Gradient(None, Power(Norm(x), TWO)), x),
    "the square of a density": (Integral(("a",), None, None, Power(Call("q", (a, x)), TWO)), ONE),
    "moments confused": (Moment("E", (), Power(Name("n"), TWO)), Power(b, TWO)),
    "third moment of two declared ones": (Moment("E", (), Power(Name("n"), Number("3"))),
                                          Add((Power(a, Number("3")), Multiply((Number("3"), a, Power(b, TWO)))))),
    "minimiser": (ArgMin("a", Power(Add((a, Negate(Multiply((TWO, b))))), TWO)), b),
    "order too high": (Function("exp", h), Add((ONE, h, half(Power(h, TWO)), BigO("h", 4)))),
    "dot is not the derivative of the whole": (Dotted(Call("g", (Multiply((TWO, t)),))),
                                               Derivative("t", 1, Call("g", (Multiply((TWO, t)),)))),
    "a wrong density, small everywhere": (
        Multiply((Function("exp", Negate(Number("70"))), Call("p"))),
        Multiply((Function("exp", Negate(Number("71"))), Call("p")))),
}  # fmt: skip


@pytest.mark.parametrize("name", TRUE_STEPS)
def test_true_steps_are_supported(name):
    judged = judge_step(*TRUE_STEPS[name], scope(b=POSITIVE))
    assert judged.verdict == SUPPORTED, (judged.why, judged.witness)


@pytest.mark.parametrize("name", WRONG_STEPS)
def test_wrong_steps_are_refuted_with_a_witness(name):
    judged = judge_step(*WRONG_STEPS[name], scope(b=POSITIVE))
    assert judged.verdict == REFUTED, judged.why
    assert {"point", "left", "right", "difference"} <= judged.witness.keys()


# ---------------------------------------------------------------- instances, zeros, tied indices


CLAIM = r"""
/// claim | test.step
    title: A step
    title-zh: 一步
    slogan: A step.
    slogan-zh: 一步。
    source: karras2022edm (7)

- $a, b, \sigma, r$ : positive
- $x$ : vector
- $N$ : count
- $i$ : index from $0$ to $N-2$
- $j$ : index from $i+1$ to $N-1$
- $p(x;\sigma)$ : positive function
- instance: $p(x;r) = \exp\left(-\frac{\|x\|^2}{2+r^2}\right)$

$$
\begin{aligned}
FORMULA
\end{aligned}
$$
///
"""


def judge_formula(formula: str):
    read = read_document(CLAIM.replace("FORMULA", formula), "claim.md")
    assert not read.errors
    (chain,) = read.claims[0].chains
    return judge_step(chain[0].expression, chain[1].expression, read.claims[0].scope)


def test_an_instance_binds_the_names_in_its_own_call():
    true = r"p(x;2\sigma) &= \exp\left(-\frac{\|x\|^2}{2+4\sigma^2}\right)"
    free = r"p(x;2\sigma) &= \exp\left(-\frac{\|x\|^2}{2+r^2}\right)"
    assert judge_formula(true).verdict == SUPPORTED
    assert judge_formula(free).verdict == REFUTED


def test_an_instance_of_a_formula_is_undecided():
    for call in (Add((a, b)), Call("q", (a, Multiply((TWO, x)))), Call("q", (a, a))):
        where = scope()
        where.instances = [(call, ONE)]
        assert verdict(a, a, where) == UNDECIDED


@pytest.mark.parametrize(
    "root",
    [r"\sqrt{a-a}", r"\sqrt{1-1}", r"\sqrt{0.3^2-0.09}", r"\sqrt{(a+b)^2-a^2-2ab-b^2}", r"\sqrt[3]{0.05^2-0.0025}"],
)
def test_the_root_of_a_zero_that_rounding_hides_is_zero(root):
    assert judge_formula(rf"{root} &= 0").verdict == SUPPORTED
    assert judge_formula(rf"{root} &= 1").verdict == REFUTED
    assert judge_formula(rf"{root}+10^{{-22}} &= 0").verdict == REFUTED


def test_a_small_number_is_not_a_zero():
    assert judge_formula(r"\sqrt{(1+10^{-45})^2-1} &= 0").verdict != SUPPORTED
    assert judge_formula(r"\frac{1}{0.3^2-0.09} &= \frac{2}{0.3^2-0.09}").verdict == UNDECIDED


@pytest.mark.parametrize(
    "formula", [r"\max(i+1,j) &= j", r"\max(j,N-1) &= N-1", r"\max(i,0) &= i", r"\max(i+2,N) &= N"]
)
def test_tied_indices_stay_in_their_ranges(formula):
    assert judge_formula(formula).verdict == SUPPORTED


@pytest.mark.parametrize("formula", [r"\max(i+2,j) &= j", r"\max(j,N-2) &= N-2", r"i+j &= N", r"ij &= i^2"])
def test_a_witness_shows_indices_in_their_ranges(formula):
    judged = judge_formula(formula)
    assert judged.verdict == REFUTED
    point = {key: int(text) for key, text in judged.witness["point"].items()}
    i, j, n = (point.get(key) for key in "ijN")
    assert i is None or (i >= 0 and (n is None or i <= n - 2))
    assert j is None or ((i is None or i < j) and (n is None or j <= n - 1))


# ---------------------------------------------------------------- quadrature


@pytest.mark.parametrize("level", range(1, quadrature.LEVELS))
def test_no_rule_repeats_its_nodes_at_the_next_level(level):
    """Two levels that share their nodes would agree on anything."""

    def nodes(rule, at):
        seen = []
        rule(lambda number: seen.append(number) or jets.elementary("exp", -number * number), at)
        return set(seen)

    rules = (
        lambda body, at: quadrature.WholeLine(at)(body),
        lambda body, at: quadrature.half_line(body, jets.mp.zero, 1, at),
        lambda body, at: quadrature.interval(body, jets.mp.zero, jets.mp.mpf(3), at),
        lambda body, at: [body(node) for node, _ in quadrature.normal_nodes(at)],
    )
    for rule in rules:
        before, after = nodes(rule, level - 1), nodes(rule, level)
        assert len(before & after) <= 1  # the middle of an odd Gaussian rule


@pytest.mark.parametrize("centre", ["0", "4", "-9"])
@pytest.mark.parametrize("width", ["0.3", "1", "2.5"])
def test_the_line_is_followed_to_a_distant_peak(centre, width):
    mp = jets.mp

    def density(number):
        return instances.normal_density((number - mp.mpf(centre)) / mp.mpf(width)) / mp.mpf(width)

    for level in (4, 5):
        assert abs(quadrature.WholeLine(level)(density) - 1) < mp.mpf(10) ** -10


def test_integrals_over_a_half_line():
    mp, start = jets.mp, jets.mp.mpf("0.7")
    for level in (2, 3):
        tail = quadrature.half_line(instances.normal_density, start, 1, level)
        slow = quadrature.half_line(lambda number: 1 / (1 + number * number), start, -1, level)
        assert abs(tail - mp.erfc(start / mp.sqrt(2)) / 2) < mp.mpf(10) ** -10
        assert abs(slow - mp.pi / 2 - mp.atan(start)) < mp.mpf(10) ** -10


# ---------------------------------------------------------------- what must never pass


def test_two_undefined_sides_are_undecided():
    negative = Negate(Add((ONE, Power(a, TWO))))
    assert verdict(Root(negative), Root(negative)) == UNDECIDED
    assert verdict(Function("log", negative), Function("log", Multiply((TWO, negative)))) == UNDECIDED


def test_declarations_that_nothing_satisfies_are_undecided():
    where = scope()
    where.assumptions = [a, Negate(a)]
    assert verdict(a, a, where) == UNDECIDED


def test_a_witness_satisfies_the_declarations():
    where = scope(a=UNIT, b=POSITIVE)
    where.assumptions = [Add((ONE, Negate(a), Negate(Power(b, TWO))))]
    judged = judge_step(Add((a, b)), Multiply((a, b)), where)
    from fractions import Fraction

    point = {key: Fraction(text) for key, text in judged.witness["point"].items()}
    assert judged.verdict == REFUTED
    assert 0 < point["a"] < 1 and point["b"] > 0 and 1 - point["a"] - point["b"] ** 2 > 0


def test_no_bound_is_passed_silently():
    tower = Number("9")
    for _ in range(3):
        tower = Power(Number("9"), tower)
    assert verdict(tower, tower) == UNDECIDED
    long_sum = Summation("i", ONE, Number("100000"), Name("i"))
    assert verdict(long_sum, long_sum) == UNDECIDED
    deep = a
    for _ in range(3000):
        deep = Negate(deep)
    assert verdict(deep, a) == UNDECIDED


def test_an_order_that_the_right_side_drops_is_not_passed():
    exact = Add((ONE, h, BigO("h", 2)))
    assert verdict(exact, Add((ONE, h))) == UNDECIDED
    assert verdict(exact, Add((ONE, h, BigO("h", 3)))) == UNDECIDED


@pytest.mark.parametrize("relation", ["approx", "to", "propto"])
def test_other_relations_are_not_sampled(relation):
    assert judge_step(a, a, scope(), relation).verdict == UNDECIDED


def test_inequalities_are_sampled():
    assert judge_step(a, a, scope(), "<=").verdict == SUPPORTED
    assert judge_step(a, Add((a, ONE)), scope(), ">=").verdict == REFUTED
    assert judge_step(a, a, scope(), "<").verdict == UNDECIDED  # equal as far as can be seen


# ---------------------------------------------------------------- the corpus


@pytest.mark.parametrize("name", CORPUS)
def test_no_step_of_the_corpus_is_refuted(name):
    claim = CORPUS[name]
    for chain in claim.chains:
        for left, right in zip(chain, chain[1:], strict=False):
            judged = judge_step(left.expression, right.expression, claim.scope, right.relation)
            assert judged.verdict != REFUTED, (right.source, judged.witness)
            assert judged.verdict == SUPPORTED or judged.why, right.source


MUTATED = ("study.gauss-product", "study.ddpm-posterior-variance", "study.edm-preconditioning", "study.fp-pfode",
           "study.anderson", "study.ito", "study.ve-kernel", "study.vdm-logsnr", "study.heun-local-error")  # fmt: skip
# Mutants that say the same in other words: a variance is symmetric in the signs of independent terms, and an
# O() has no sign.
SAME_BY_SYMMETRY = {"SIGN"}


@pytest.mark.parametrize("name", MUTATED)
def test_no_mutant_passes_but_by_a_symmetry(name):
    claim = CORPUS[name]
    passed, judged = [], 0
    for chain in claim.chains:
        for left, right in zip(chain, chain[1:], strict=False):
            for mutant in mutants(right.expression, claim.scope):
                judged += 1
                if judge_step(left.expression, mutant.node, claim.scope, right.relation).verdict == SUPPORTED:
                    passed.append(mutant)
    assert judged > 10
    assert {mutant.operator for mutant in passed} <= SAME_BY_SYMMETRY
    assert len(passed) <= 2


# ---------------------------------------------------------------- laws


@given(formulas(2))
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.nested_given])
def test_every_tree_gets_a_verdict_and_none_differs_from_itself(drawn):
    where, tree = drawn
    assert judge_step(tree, tree, where).verdict in (SUPPORTED, UNDECIDED)


def test_points_are_distinct_and_inside_their_domains():
    points = candidates((("a", "scalar", UNIT), ("b", "scalar", POSITIVE), ("x", "vector", REAL)), 40)
    assert len(points) == len(set(map(str, points))) >= 10
    for point in points:
        assert 0 < point.values["a"][0] < 1 and point.values["b"][0] > 0 and len(point.values["x"]) == 3


PROBE = """
import json, sys
from pathlib import Path
from verify.language.document import read_document
from verify.sampling.judge import judge_step
if sys.argv[1] == "more":
    import fractions, decimal, verify.ledger.verdict, verify.language.printer
claims = read_document(Path("tests/contract/corpus.md").read_text("utf-8"), "").claims
seen = []
for claim in claims:
    if claim.id in ("study.gmm-score", "study.cfg", "study.ddpm-posterior-mean", "study.v-param"):
        for chain in claim.chains:
            for left, right in zip(chain, chain[1:]):
                for other in (right.expression, left.expression.children().__next__()):
                    v = judge_step(left.expression, other, claim.scope)
                    seen.append([v.verdict, v.method, v.why, v.dimensions, v.witness])
print(json.dumps(seen))
"""


def test_the_verdict_is_the_same_in_every_process():
    outputs = set()
    for seed, more in (("0", "less"), ("1", "more"), ("4242", "less")):
        done = subprocess.run([sys.executable, "-c", PROBE, more], cwd=ROOT, capture_output=True, text=True,
                              env=os.environ | {"PYTHONHASHSEED": seed}, check=True)  # fmt: skip
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert {row[0] for row in json.loads(outputs.pop())} >= {SUPPORTED}


def test_the_second_opinion_shares_no_code_with_the_first():
    allowed = ("verify.language.", "verify.ledger.verdict", "verify.sampling.")
    for file in (ROOT / "verify/sampling").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names.append(node.module or "")
            for name in names:
                assert not name.startswith("sympy")
                assert not name.startswith("verify") or (name + ".").startswith(allowed), (file.name, name)
