"""Gaussian densities, expectations, variances, covariances and Kullback-Leibler divergences."""

from __future__ import annotations

import sympy as sp
from sympy.core.function import AppliedUndef

from verify.language.scope import REAL, Declaration
from verify.language.tree import (
    NOWHERE,
    Call,
    Gaussian,
    KullbackLeibler,
    Moment,
    Multiply,
    Name,
    Node,
    Span,
    Transpose,
)
from verify.meaning.algebra import MATRIX, SCALAR, VECTOR, Value
from verify.meaning.arithmetic import logarithm
from verify.meaning.binders import over_all
from verify.meaning.calculus import names_in
from verify.meaning.conditional import by_joint_density, given_gaussians
from verify.meaning.errors import MeaningError, Unsupported
from verify.meaning.evaluation import Evaluation, evaluate
from verify.meaning.positivity import provably_not_positive, provably_positive
from verify.meaning.sizes import expand

HALF = sp.Rational(1, 2)


# ---------------------------------------------------------------- Gaussian densities


def must_be_positive(reading: Evaluation, quantity: sp.Expr, what: str, span: Span) -> None:
    """Refuse what is provably not positive; record what is not provably positive."""
    if provably_not_positive(quantity, reading.facts):
        raise MeaningError(f"{what}: {quantity} is not positive", span)
    if not provably_positive(quantity, reading.facts):
        reading.condition(f"{what}: {sp.factor_terms(quantity)} > 0", quantity)


def variance_of(reading: Evaluation, covariance: Value, point: Value, span: Span) -> Value:
    """`s` of a covariance `s I` or of a variance `s` (scalar point); any other covariance matrix itself."""
    shapes = reading.shape(point), reading.shape(covariance)
    if shapes == (VECTOR, SCALAR):
        raise MeaningError("the covariance of a vector is a matrix: write \\sigma^2 I", span)
    if shapes[0] == SCALAR and shapes[1] != SCALAR:
        raise MeaningError("the variance of a scalar is a scalar", span)
    if shapes[1] not in (SCALAR, MATRIX):
        raise MeaningError(f"a covariance cannot be a {shapes[1]}", span)
    variance = covariance if shapes[1] == SCALAR else reading.isotropic(covariance)
    if variance is None:
        return reading.covariance(covariance)
    must_be_positive(reading, variance, "variance", span)
    return variance


def density(reading: Evaluation, point: Value, mean: Value, variance: Value) -> sp.Expr:
    """The Gaussian density with covariance `variance`, a matrix or a scalar times the identity."""
    centred = reading.subtract(point, reading.zero_like(mean, point))
    if reading.shape(variance) == MATRIX:
        length, determinant = reading.log_density_parts(centred, variance)
        return sp.exp(-length / 2) * (2 * sp.pi) ** (-HALF * reading.dimension) * determinant ** (-HALF)
    if reading.shape(point) == SCALAR:
        length, dimension = centred**2, sp.Integer(1)
    else:
        length, dimension = reading.squared_length(centred), reading.dimension
    return sp.exp(-length / (2 * variance)) * (2 * sp.pi * variance) ** (-HALF * dimension)


@evaluate.register
def _(node: Gaussian, reading: Evaluation) -> Value:
    if node.point is None:
        raise MeaningError("a distribution is not a number: write \\mathcal{N}(x;\\mu,\\Sigma)", node.span)
    point = evaluate(node.point, reading)
    if reading.shape(point) not in (SCALAR, VECTOR):
        raise MeaningError(f"a Gaussian density of a {reading.shape(point)}", node.span)
    variance = variance_of(reading, evaluate(node.covariance, reading), point, node.covariance.span)
    return density(reading, point, evaluate(node.mean, reading), variance)


# ---------------------------------------------------------------- expectations


def _declared_random(reading: Evaluation, node: Moment) -> list[Declaration]:
    """The names of the body with a declared law that no operator has bound, in the order of declaration."""
    used, bound = names_in(reading, node.body), reading.bound_names()
    random = [d for d in reading.scope if d.kind == "random" or d.law is not None]
    return [d for d in random if d.key in used and d.key not in bound]


def _mean_over_declared(
    reading: Evaluation, value: Value, declaration: Declaration, span: Span, variable: Value | None = None
) -> Value:
    """Mean over one declared random variable, by its declared moments; it stands as `variable`, else as itself."""
    variable = reading.own_value(declaration.key) if variable is None else variable
    if any(reading.depends(value, variable) for value in reading.bound_values()):
        raise Unsupported(f"a mean over {declaration.key} inside a function whose argument is {declaration.key}")
    if declaration.law is not None and declaration.mean is None:
        return _mean_over_law(reading, value, declaration.key, variable, declaration.law, span)
    if declaration.rademacher:
        return reading.mean_over_signs(value, variable)
    if declaration.mean is None or declaration.variance is None:
        raise MeaningError(f"the mean and the variance of {declaration.key} are not declared", span)
    for node in (declaration.mean, declaration.variance):
        for name in names_in(reading, node):
            other = reading.scope.get(name)
            if other is not None and other.kind == "random":
                raise Unsupported(f"the law of {declaration.key} depends on the random {name}")
    mean = reading.zero_like(evaluate(declaration.mean, reading), variable)
    if reading.shape(mean) != reading.shape(variable):
        raise MeaningError(f"the mean of {declaration.key} is a {reading.shape(mean)}", declaration.mean.span)
    variance = variance_of(reading, evaluate(declaration.variance, reading), variable, span)
    highest = None if declaration.gaussian else 2
    return reading.expect(value, variable, mean, variance, highest, declaration.key)


def _mean_over_law(
    reading: Evaluation, value: Value, key: str, variable: Value, law: Node, span: Span
) -> Value:
    """Mean over a variable whose law is written: a Gaussian, or a density."""
    if isinstance(law, Gaussian) and law.point is None:
        declared = reading.declaration(key, span)
        if declared.value == SCALAR and declared.domain != REAL:
            raise MeaningError(f"{key} is not declared as any real number, so it cannot be Gaussian", span)
        mean = reading.zero_like(evaluate(law.mean, reading), variable)
        if reading.shape(mean) != reading.shape(variable):
            raise MeaningError(f"the mean of {key} is a {reading.shape(mean)}", law.mean.span)
        variance = variance_of(reading, evaluate(law.covariance, reading), variable, law.covariance.span)
        return reading.expect(value, variable, mean, variance, None, key)
    weight = _law_at(reading, law, key, variable, span)
    return over_all(reading, reading.multiply(weight, value, span), key, variable, span)


def _law_at(reading: Evaluation, law: Node, key: str, variable: Value, span: Span) -> sp.Expr:
    """The density of a law at the variable."""
    if isinstance(law, Call):
        declaration = reading.declaration(law.key, law.span)
        if not declaration.density and declaration.definition is None:
            raise MeaningError(f"{law.key} is not declared as a density", law.span)
    with reading.bind({key: variable}):
        if isinstance(law, Call) and law.arguments is None:
            weight = reading.apply(law.key, [variable, *reading.argument_values(law)[1:]], law.span)
        else:
            weight = reading.scalar(law)
    if not reading.depends(weight, variable):
        raise MeaningError(f"the law of {key} does not depend on {key}", span)
    if isinstance(law, Call) and not reading.declaration(law.key).density:
        _must_normalise(reading, law, weight, key, variable)
    return weight


def _must_normalise(reading: Evaluation, law: Call, weight: sp.Expr, key: str, variable: Value) -> None:
    """A law that is defined by a formula must integrate to one; the prover checks what is not obvious here."""
    if not (weight.is_nonnegative or provably_positive(weight, reading.facts)):
        reading.condition(f"{law.key} is nowhere negative")
    total = over_all(reading, weight, key, variable, law.span)
    excess = expand(total - 1)
    if excess.is_number and excess != 0 and not excess.has(sp.Integral, AppliedUndef):
        raise MeaningError(f"{law.key} is no law of {key}: it integrates to {total}, not to 1", law.span)
    if excess != 0:
        reading.must_vanish(excess, f"{law.key} is not seen to integrate to one over {key}, so it is no law")


def expectation(reading: Evaluation, node: Moment, body: Node) -> Value:
    """The mean of `body` under the laws and conditions of `node`.

    Written laws are taken from the last to the first, so that a law may use the names before it.
    """
    if node.given is not None:
        return _conditional(reading, node, body)
    if not node.laws:
        return _over_all_declared(reading, node, body)
    laws = [_law_of(reading, key, law, node.span) for key, law in node.laws]
    bound = {
        key: reading.fresh(key) for (key, _), law in zip(node.laws, laws, strict=True) if law is not None
    }
    with reading.bind(bound):
        value = evaluate(body, reading)
    taken: list[str] = []
    for (key, _), law in reversed(list(zip(node.laws, laws, strict=True))):
        _uses_no_later_name(reading, key, law, [*taken, key], node.span)
        taken.append(key)
        with reading.bind({name: variable for name, variable in bound.items() if name not in taken}):
            if law is None:
                value = _mean_over_declared(reading, value, reading.declaration(key), node.span)
            else:
                value = _mean_over_law(reading, value, key, bound[key], law, node.span)
    return value


def _over_all_declared(reading: Evaluation, node: Moment, body: Node) -> Value:
    declared = _declared_random(reading, node)
    if not declared:
        raise MeaningError(
            "nothing in the brackets is declared random: name the law, E_{x \\sim p}", node.span
        )
    value, taken = evaluate(body, reading), []
    for declaration in reversed(declared):
        taken.append(declaration.key)
        law = declaration.law if declaration.mean is None else None
        _uses_no_later_name(reading, declaration.key, law, taken, node.span)
        value = _mean_over_declared(reading, value, declaration, node.span)
    return value


def _law_of(reading: Evaluation, key: str, law: Node | None, span: Span) -> Node | None:
    """The law of a name of an expectation; None for a random variable with declared moments."""
    declaration = reading.declaration(key, span)
    if law is not None or declaration.law is not None:
        return law if law is not None else declaration.law
    if declaration.kind != "random":
        raise MeaningError(f"no law is declared for {key}", span)
    return None


def _uses_no_later_name(
    reading: Evaluation, key: str, law: Node | None, taken: list[str], span: Span
) -> None:
    """Refuse a law that depends on a variable that has been averaged out already."""
    if law is None:
        return  # declared moments never use random names, see `_mean_over_declared`
    parts = [law.mean, law.covariance] if isinstance(law, Gaussian) else [law]
    for part in parts:
        for name in names_in(reading, part):
            if name in taken and (name != key or isinstance(law, Gaussian)):
                raise MeaningError(f"the law of {key} uses {name}: write the law of {name} before it", span)


def _conditional(reading: Evaluation, node: Moment, body: Node) -> Value:
    """`E[. | x]`: from the declared joint density, or where x is defined by random names."""
    given = reading.scope.get(node.given or "")
    if reading.scope.joint or given is None or given.definition is None:
        return by_joint_density(reading, node, body)
    used = [*names_in(reading, given.definition), *names_in(reading, body)]
    random = [d for d in reading.scope if d.kind == "random" and d.key in used]

    def mean_over(value: Value, declaration: Declaration, variable: Value) -> Value:
        return _mean_over_declared(reading, value, declaration, node.span, variable)

    return given_gaussians(reading, node, body, random, mean_over)


def _second_moment(reading: Evaluation, node: Moment) -> Value:
    """`E[b b^T]`, or `E[b^2]` of a scalar."""
    return expectation(reading, node, Multiply((node.body, Transpose(node.body)), span=node.span))


@evaluate.register
def _(node: Moment, reading: Evaluation) -> Value:
    mean = expectation(reading, node, node.body)
    if node.kind == "E":
        return mean
    shape = reading.shape(mean)
    if shape not in (SCALAR, VECTOR):
        raise MeaningError(f"the {node.kind} of a {shape}", node.span)
    if node.kind == "Var" and shape == VECTOR:
        raise MeaningError(
            "the variance of a vector: write \\mathrm{Cov}, or \\mathbb{E}\\|x\\|^2", node.span
        )
    square = mean**2 if shape == SCALAR else reading.outer(mean, mean)
    return reading.subtract(_second_moment(reading, node), square, node.span)


@evaluate.register
def _(node: KullbackLeibler, reading: Evaluation) -> Value:
    first, second = node.first, node.second
    if not isinstance(first, Gaussian) or not isinstance(second, Gaussian):
        return _divergence_of_densities(reading, first, second, node.span)
    if first.point or second.point:
        raise MeaningError("D_{KL} compares two laws: write \\mathcal{N}(\\mu,\\Sigma) without a point", node.span)
    means = evaluate(first.mean, reading), evaluate(second.mean, reading)
    matrices = [reading.shape(evaluate(law.covariance, reading)) == MATRIX for law in (first, second)]
    vectors = any(matrices) or VECTOR in (reading.shape(means[0]), reading.shape(means[1]))
    variable = reading.fresh_vector("z") if vectors else reading.table.temporary(REAL)
    means = tuple(reading.zero_like(mean, variable) for mean in means)
    variances = [
        variance_of(reading, evaluate(law.covariance, reading), variable, law.covariance.span)
        for law in (first, second)
    ]
    logs = [
        logarithm(density(reading, variable, mean, variance), reading.facts)
        for mean, variance in zip(means, variances, strict=True)
    ]
    return reading.expect(logs[0] - logs[1], variable, means[0], variances[0], None, "z")


def _divergence_of_densities(reading: Evaluation, first: Node, second: Node, span: Span) -> Value:
    """`int p (log p - log q)` over the variable that both laws are written in."""
    keys = [_variable_of_law(reading, law) for law in (first, second)]
    named = [key for key in keys if key is not None]
    if len(set(named)) > 1:
        raise MeaningError(f"D_{{KL}} of a law of {named[0]} from a law of {named[1]}: one variable is needed", span)
    key = named[0]
    variable = reading.fresh(key)
    weights = [_law_value(reading, law, key, variable, span) for law in (first, second)]
    ratio = logarithm(weights[0]) - logarithm(weights[1])
    return over_all(reading, weights[0] * ratio, key, variable, span)


def _variable_of_law(reading: Evaluation, law: Node) -> str | None:
    """The name of the variable that a law is a law of; None for a Gaussian without a point."""
    if isinstance(law, Gaussian):
        if law.point is not None:
            raise MeaningError("D_{KL} compares two laws: write \\mathcal{N}(\\mu,\\Sigma) without a point", law.span)
        return None
    if not isinstance(law, Call):
        raise MeaningError("D_{KL} is read for declared densities and Gaussians: give the law a name", law.span)
    if law.arguments is None:
        parameters = reading.declaration(law.key, law.span).parameters
        if not parameters:
            raise MeaningError(f"{law.key} is no law: it has no variable", law.span)
        return parameters[0]
    if not law.arguments or not isinstance(law.arguments[0], Name):
        raise MeaningError(f"the first argument of {law.key} must be the variable of the law", law.span)
    return law.arguments[0].key


def _law_value(reading: Evaluation, law: Node, key: str, variable: Value, span: Span) -> sp.Expr:
    """A law of D_KL as a density at the variable."""
    if not isinstance(law, Gaussian):
        return _law_at(reading, law, key, variable, span)
    mean = reading.zero_like(evaluate(law.mean, reading), variable)
    variance = variance_of(reading, evaluate(law.covariance, reading), variable, law.covariance.span)
    return density(reading, variable, mean, variance)


def integrates_to_one(reading: Evaluation, key: str) -> bool:
    """Whether a function that is given by a formula is seen to integrate to one over its first argument."""
    first, *others = reading.declaration(key).parameters
    variable = reading.fresh(first)
    weight = reading.apply(key, [variable, *(reading.own_value(name) for name in others)])
    return expand(over_all(reading, weight, first, variable, NOWHERE) - 1) == 0


# ---------------------------------------------------------------- equality in law


def law_residuals(reading: Evaluation, left: Value, right: Value) -> list[sp.Expr]:
    """What must vanish for two affine combinations of declared Gaussians to have the same law.

    Both sides are Gaussian then, so mean and covariance decide.
    """
    left, right = reading.zero_like(left, right), reading.zero_like(right, left)
    if reading.shape(left) != reading.shape(right):
        raise MeaningError(
            f"the left side is a {reading.shape(left)}, the right side a {reading.shape(right)}"
        )
    if reading.shape(left) not in (SCALAR, VECTOR):
        raise Unsupported(f"equality in law of a {reading.shape(left)}")
    used = [
        d
        for d in reading.scope
        if d.kind == "random"
        and any(reading.depends(side, reading.own_value(d.key)) for side in (left, right))
    ]
    if not all(d.gaussian for d in used):
        raise Unsupported("equality in law outside affine combinations of Gaussians")
    variables = [reading.own_value(d.key) for d in used]
    if not all(reading.is_affine(side, variables) for side in (left, right)):
        raise Unsupported("equality in law outside affine combinations of Gaussians")
    reading.condition("the declared Gaussians are independent on each side")

    def mean(value: Value) -> Value:
        for declaration in used:
            value = _mean_over_declared(reading, value, declaration, NOWHERE)
        return value

    means, covariances = [], []
    for side in (left, right):
        centre = mean(side)
        square = side**2 if reading.shape(side) == SCALAR else reading.outer(side, side)
        centre_square = centre**2 if reading.shape(side) == SCALAR else reading.outer(centre, centre)
        means.append(centre)
        covariances.append(reading.subtract(mean(square), centre_square))
    return [*reading.parts(reading.subtract(*means)), *reading.parts(reading.subtract(*covariances))]
