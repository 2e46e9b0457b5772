"""Gaussian densities, expectations, conditional expectations and Kullback-Leibler divergences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product as combinations

from verify.language.scope import Declaration
from verify.language.tree import Call, Gaussian, KullbackLeibler, Moment, Node
from verify.sampling import jets, quadrature, values
from verify.sampling.calculus import derivative, over_space
from verify.sampling.errors import Undecidable, Undefined
from verify.sampling.evaluate import Evaluator, reads
from verify.sampling.instances import (
    SIGNS,
    Coefficients,
    deviation,
    exact,
    mixture_density,
    normal_density,
    two_atoms,
)
from verify.sampling.jets import Number, mp
from verify.sampling.values import Matrix, Value, Vector, components, is_scalar

Expectation = Callable[[], Value]
MASS_TOLERANCE = mp.mpf(10) ** -4  # the coarsest quadrature is better than this for the laws that are met


# ---------------------------------------------------------------- Gaussians


@dataclass(frozen=True)
class Spread:
    """A covariance ready for use: its lower triangular root, that one's inverse, and the density at the mean."""

    lower: tuple[tuple[Number, ...], ...]
    inverse: tuple[tuple[Number, ...], ...]
    peak: Number

    def whitened(self, centred: tuple[Number, ...]) -> list[Number]:
        """The solution y of lower y = centred: independent standard normal coordinates."""
        return [values.dot(row[: i + 1], centred[: i + 1]) for i, row in enumerate(self.inverse)]

    def spread(self, normals: tuple[Number, ...]) -> tuple[Number, ...]:
        """lower y, the deviation from the mean for standard normal coordinates y."""
        return tuple(values.dot(row[: i + 1], normals[: i + 1]) for i, row in enumerate(self.lower))


def _spread(covariance: Value) -> Spread:
    return _spread_of(values.cholesky(covariance if isinstance(covariance, Matrix) else Matrix(((covariance,),))))


def _spread_of(lower: tuple[tuple[Number, ...], ...]) -> Spread:
    peak: Number = mp.one
    for i, row in enumerate(lower):
        peak = peak * jets.reciprocal(row[i]) / mp.sqrt(2 * mp.pi)
    units = values.identity(len(lower)).items
    columns = [values.solve_lower(lower, unit) for unit in units]
    return Spread(lower, tuple(zip(*columns, strict=True)), peak)


def _moments(evaluator: Evaluator, node: Gaussian) -> tuple[Value, Spread]:
    """Mean and spread; the mean is a vector exactly when the covariance is a matrix."""
    covariance = evaluator.value(node.covariance)
    mean = evaluator.value(node.mean)
    if isinstance(covariance, Matrix):
        mean = values.like_zero(mean, evaluator.zeros())
    if isinstance(covariance, Matrix) != isinstance(mean, Vector) or isinstance(covariance, Vector):
        raise Undecidable(f"a Gaussian with a {values.kind(mean)} mean and a {values.kind(covariance)} covariance")
    return mean, evaluator.remember(node.covariance, lambda: _spread(covariance))


def gaussian_density(evaluator: Evaluator, node: Gaussian, point: Value) -> Number:
    """The density of a Gaussian at a point."""
    mean, spread = _moments(evaluator, node)
    centred = values.add(values.like_zero(point, mean), values.negate(mean))
    normals = spread.whitened(tuple(components(centred)))
    return spread.peak * jets.elementary("exp", -values.dot(normals, normals) / 2)


@reads(Gaussian)
def _gaussian(evaluator: Evaluator, node: Gaussian) -> Value:
    if node.point is None:
        raise Undecidable("a law is not a number")
    return gaussian_density(evaluator, node, evaluator.value(node.point))


def _expect_gaussian(evaluator: Evaluator, name: str, law: Gaussian, body: Expectation) -> Value:
    mean, spread = _moments(evaluator, law)
    return _expect_normal(evaluator, name, mean, _moved(mean, spread), body)


def _moved(mean: Value, spread: Spread) -> Callable[[tuple[Number, ...]], tuple[Number, ...]]:
    """mean + spread z for the components z of a standard law."""

    def value_of(normals: tuple[Number, ...]) -> tuple[Number, ...]:
        return tuple(m + x for m, x in zip(components(mean), spread.spread(normals), strict=True))

    return value_of


def _expect_normal(evaluator: Evaluator, name: str, model: Value, value_of: Callable[..., tuple[Number, ...]],
                   body: Expectation) -> Value:  # fmt: skip
    """The expectation over standard normal components. Raises Undefined when the outermost nodes still count."""
    nodes, cut_off = quadrature.normal_nodes(evaluator.level), quadrature.normal_is_cut_off(evaluator.level)
    return _expect_nodes(evaluator, name, model, value_of, nodes, body, cut_off)


def _expect_nodes(evaluator: Evaluator, name: str, model: Value, value_of: Callable[..., tuple[Number, ...]],
                  nodes: list[tuple[Number, Number]], body: Expectation, cut_off: bool = False) -> Value:  # fmt: skip
    """The weighted sum of `body` over all combinations of nodes, one a component of `model`.

    Where the nodes are `cut_off` on both sides, Undefined is raised unless the outermost terms are negligible.
    """
    total: Value | None = None
    ends, largest, outermost = (nodes[0], nodes[-1]), mp.zero, mp.zero
    for chosen in combinations(nodes, repeat=len(components(model))):
        weight = mp.one
        for _, share in chosen:
            weight = weight * share
        numbers = value_of(tuple(x for x, _ in chosen))
        with evaluator.binding({name: Vector(numbers) if isinstance(model, Vector) else numbers[0]}):
            term = values.scale(weight, body())
        total = term if total is None else values.add(total, term)
        size = values.magnitude(term)
        largest = max(largest, size)
        if cut_off and any(end in chosen for end in ends):
            outermost = max(outermost, size)
    assert total is not None  # every rule has nodes
    evaluator.largest_term = max(evaluator.largest_term, largest)
    if outermost > quadrature.OUTERMOST * largest:
        raise Undefined("a mean over a normal law has its weight too far out")
    return total


# ---------------------------------------------------------------- declared random variables


def law_of(evaluator: Evaluator, declaration: Declaration) -> tuple[Value, Spread]:
    """Mean and spread of a random name; generic ones where none are declared."""
    vector = declaration.value == "vector"
    coefficients = Coefficients(evaluator.point.seed, f"law/{declaration.key}")
    if declaration.mean is not None:
        mean = evaluator.shaped(declaration, evaluator.value(declaration.mean))
    else:
        drawn = [coefficients.signed(0.3, 0.9) for _ in range(evaluator.dimension if vector else 1)]
        mean = Vector(tuple(drawn)) if vector else drawn[0]
    if vector != isinstance(mean, Vector):
        raise Undecidable(f"the mean of {declaration.key} has another shape than {declaration.key}")
    size = len(components(mean))
    if declaration.variance is None:
        return mean, _spread_of(deviation(coefficients.between(0.6, 1.3) ** 2, size))
    return mean, _spread_of(deviation(evaluator.value(declaration.variance), size))


def _expect_random(evaluator: Evaluator, declaration: Declaration, body: Expectation) -> Value:
    """Gaussian where that is declared, else an asymmetric law on two atoms with the same moments.

    Only the moments are declared, so every name gets a law of its own.
    """
    mean, spread = law_of(evaluator, declaration)
    value_of = _moved(mean, spread)
    if declaration.gaussian:
        return _expect_normal(evaluator, declaration.key, mean, value_of, body)
    nodes = two_atoms(_own_law(evaluator, declaration))
    if declaration.rademacher:
        nodes = [(exact(atom), exact(probability)) for atom, probability in SIGNS]
    return _expect_nodes(evaluator, declaration.key, mean, value_of, nodes, body)


def _own_law(evaluator: Evaluator, declaration: Declaration) -> Coefficients:
    return Coefficients(evaluator.point.seed, f"form/{declaration.key}")


def _random_names(evaluator: Evaluator, node: Node) -> list[str]:
    """The declared random variables a tree reaches and that nothing has bound yet."""
    reached = evaluator.reach.names(node)
    bound = {key for frame in evaluator.frames if not frame.averaged for key in frame.bound}
    return [
        declaration.key
        for declaration in evaluator.scope
        if declaration.key in reached and declaration.key not in bound and declaration.definition is None
        and (declaration.kind == "random" or declaration.law is not None)
    ]  # fmt: skip


# ---------------------------------------------------------------- expectations


def _expect(evaluator: Evaluator, laws: list[tuple[str, Node | None]], body: Expectation) -> Value:
    """The expectation over named laws; a law that mentions another name is taken after it."""
    if not laws:
        return body()
    names = [name for name, _ in laws]
    chosen = next((i for i, (name, law) in enumerate(laws) if not _depends(evaluator, name, law, names)), 0)
    (name, law), rest = laws[chosen], laws[:chosen] + laws[chosen + 1 :]
    declaration, declared = evaluator.scope.get(name), law is None
    if law is None and declaration is not None and declaration.law is not None:
        law = declaration.law

    def inside() -> Value:
        evaluator.frames[-1].averaged = declared
        return _expect(evaluator, rest, body)

    if law is None:
        if declaration is None or declaration.kind != "random":
            raise Undecidable(f"no law is declared for {name}")
        return _expect_random(evaluator, declaration, inside)
    if isinstance(law, Gaussian) and law.point is None:
        return _expect_gaussian(evaluator, name, law, inside)
    if isinstance(law, Call) and (law.key in evaluator.reach.instances or evaluator.declaration(law.key).definition):
        must_integrate_to_one(evaluator, name, law)
    return over_space(
        evaluator, [name], lambda: values.scale(_density_at(evaluator, law, evaluator.lookup(name)), inside())
    )


def must_integrate_to_one(evaluator: Evaluator, name: str, law: Call) -> None:
    """Raises Undecidable for a law, given by a formula, that is seen not to be one: negative, or of another mass."""

    def density() -> Value:
        value = _density_at(evaluator, law, evaluator.lookup(name))
        if jets.real(value) < 0:
            raise Undecidable(f"{law.key} is no law of {name}: it takes negative values")
        return value

    def mass() -> Value:
        return over_space(evaluator, [name], density)

    total = evaluator.remember(law, mass)
    if abs(jets.real(total) - 1) > MASS_TOLERANCE:
        raise Undecidable(f"{law.key} is no law of {name}: it does not integrate to one")


def _depends(evaluator: Evaluator, name: str, law: Node | None, names: list[str]) -> bool:
    if law is None:
        return False
    if isinstance(law, Call) and law.arguments is not None:
        mentioned = {key for argument in law.arguments for key in evaluator.reach.names(argument)}
    else:
        mentioned = set(evaluator.reach.names(law))
    return any(other in mentioned for other in names if other != name)


def _density_at(evaluator: Evaluator, law: Node, value: Value) -> Number:
    """A density at a value; one written without arguments takes the value as its first."""
    if isinstance(law, Call) and law.arguments is None:
        parameters = evaluator.declaration(law.key).parameters
        with evaluator.binding({parameters[0]: value}):
            return evaluator.scalar(law)
    return evaluator.scalar(law)


def _given_density(evaluator: Evaluator, node: Moment, body: Expectation) -> Value:
    """E[body | given] by the declared joint density."""
    reached = evaluator.reach.names(node.body)
    joints = [(key, density) for key, density in evaluator.scope.joint.items() if key in reached]
    if len(joints) != 1:
        raise Undecidable("a conditional expectation needs one declared joint density")
    ((key, density),) = joints
    mass = over_space(evaluator, [key], lambda: evaluator.value(density))
    total = over_space(evaluator, [key], lambda: values.multiply(evaluator.scalar(density), body()))
    return values.scale(jets.reciprocal(mass), total)


def _given_sum(evaluator: Evaluator, node: Moment, key: str, value: Value, body: Expectation) -> Value:
    """E[body | Y = value] for Y an affine combination of independent random names, by their densities."""
    definition = evaluator.declaration(key).definition
    if definition is None:
        raise Undecidable(f"a conditional expectation given {key} needs a declared joint density")
    names = _random_names(evaluator, definition)
    if not names:
        raise Undecidable(f"{key} does not depend on a random variable")
    others, pivot = names[:-1], evaluator.declaration(names[-1])
    ratio = _slope(evaluator, definition, pivot)

    def weighted(inside: Expectation) -> Value:
        def body_at_pivot() -> Value:
            rest = values.add(value, values.negate(evaluator.value(definition)))
            solved = values.add(evaluator.lookup(pivot.key), values.scale(jets.reciprocal(ratio), rest))
            with evaluator.binding({pivot.key: solved}):
                weight = mp.one
                for name in names:
                    weight = weight * _random_density(evaluator, evaluator.declaration(name))
                return values.scale(weight, inside())

        return over_space(evaluator, others, body_at_pivot)

    mass = weighted(lambda: mp.one)
    return values.scale(jets.reciprocal(mass), weighted(body))


def _slope(evaluator: Evaluator, definition: Node, pivot: Declaration) -> Number:
    """The coefficient of `pivot` in an affine definition; it must be the same number everywhere."""
    at = evaluator.lookup(pivot.key)

    def body(value: Value) -> Value:
        with evaluator.binding({pivot.key: value}):
            return evaluator.value(definition)

    count = len(components(at))
    columns = [components(derivative(body, at, (i,), evaluator)) for i in range(count)]
    second = [components(derivative(body, at, (i, i), evaluator)) for i in range(count)]
    isotropic = all(
        jets.real(item) == (jets.real(columns[0][0]) if i == j else 0)
        for i, column in enumerate(columns) for j, item in enumerate(column)
    )  # fmt: skip
    if not isotropic or any(jets.real(item) != 0 for column in second for item in column):
        raise Undecidable("the conditioning variable is not an affine combination of random variables")
    return columns[0][0]


def _random_density(evaluator: Evaluator, declaration: Declaration) -> Number:
    """The density of a random name at its present value, Gaussian or a mixture with its moments."""
    if declaration.rademacher:
        raise Undecidable(f"{declaration.key} has no density")
    mean, spread = law_of(evaluator, declaration)
    centred = values.add(evaluator.lookup(declaration.key), values.negate(mean))
    result: Number = mp.one
    for i, x in enumerate(spread.whitened(tuple(components(centred)))):
        standard = normal_density(x) if declaration.gaussian else mixture_density(x, _own_law(evaluator, declaration))
        result = result * standard * spread.inverse[i][i]
    return result


@reads(Moment)
def _moment(evaluator: Evaluator, node: Moment) -> Value:
    def mean(body: Expectation) -> Value:
        if node.given is None:
            laws = list(node.laws) or [(name, None) for name in _random_names(evaluator, node.body)]
            return _expect(evaluator, laws, body)
        key, at = node.given, node.value
        joint = any(name in evaluator.reach.names(node.body) for name in evaluator.scope.joint)
        value = evaluator.lookup(key) if at is None else evaluator.value(at)
        if not joint:
            return _given_sum(evaluator, node, key, value, body)
        with evaluator.binding({key: value}):
            return _given_density(evaluator, node, body)

    first = mean(lambda: evaluator.value(node.body))
    if node.kind == "E":
        return first
    if node.kind == "Var" and not is_scalar(first):
        raise Undecidable("the variance of a vector")

    def square() -> Value:
        body = evaluator.value(node.body)
        return body * body if is_scalar(body) else values.multiply(body, values.transpose(body))

    squared = first * first if is_scalar(first) else values.multiply(first, values.transpose(first))
    return values.add(mean(square), values.negate(squared))


@reads(KullbackLeibler)
def _divergence(evaluator: Evaluator, node: KullbackLeibler) -> Value:
    first, second = node.first, node.second
    if isinstance(first, Gaussian) and first.point is None:
        argument = "KL"  # no declared name can be spelled like this: keys of names are letters with marks
        return _expect_gaussian(
            evaluator, argument, first,
            lambda: _log_ratio(evaluator, first, second, evaluator.lookup(argument)),
        )  # fmt: skip
    if not isinstance(first, Call):
        raise Undecidable("a divergence of something that is neither a Gaussian nor a named density")
    name = evaluator.declaration(first.key).parameters[0]
    if first.arguments is not None:
        name = getattr(first.arguments[0], "key", name)

    def body() -> Value:
        value = evaluator.lookup(name)
        return _law_density(evaluator, first, value) * _log_ratio(evaluator, first, second, value)

    return over_space(evaluator, [name], body)


def _law_density(evaluator: Evaluator, law: Node, value: Value) -> Number:
    if isinstance(law, Gaussian):
        return gaussian_density(evaluator, law, value if law.point is None else evaluator.value(law.point))
    return _density_at(evaluator, law, value)


def _log_ratio(evaluator: Evaluator, first: Node, second: Node, value: Value) -> Number:
    top, bottom = (jets.elementary("log", _law_density(evaluator, law, value)) for law in (first, second))
    return top - bottom
