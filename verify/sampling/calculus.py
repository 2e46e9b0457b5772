"""Derivatives by infinitesimals, integrals by quadrature, minimisers by Newton's method."""

from __future__ import annotations

from collections.abc import Callable

from verify.language.scope import NONNEGATIVE, POSITIVE, UNIT
from verify.language.tree import (
    ArgMin,
    AtPoint,
    Constant,
    Derivative,
    Divergence,
    Dotted,
    Gradient,
    Hessian,
    Integral,
    Laplacian,
    Negate,
    Node,
    Primed,
)
from verify.sampling import jets, quadrature, values
from verify.sampling.errors import Undecidable, Undefined
from verify.sampling.evaluate import Evaluator, reads
from verify.sampling.jets import Jet, Number, mp, part
from verify.sampling.values import Matrix, Value, Vector, components, each, is_scalar

HIGHEST_ORDER = 6
NEWTON_STEPS = 60


def bits_of(infinitesimals: list[Jet]) -> int:
    """The key of the product of fresh infinitesimals."""
    key = 0
    for item in infinitesimals:
        key |= max(item.terms)
    return key


def shifted(value: Value, shifts: list[tuple[int, Jet]]) -> Value:
    """The value with each infinitesimal added to the component it is paired with."""
    numbers: list[Number] = components(value)
    for position, small in shifts:
        numbers[position] = small + numbers[position]
    return Vector(tuple(numbers)) if isinstance(value, Vector) else numbers[0]


def derivative(body: Callable[[Value], Value], at: Value, directions: tuple[int, ...], evaluator: Evaluator) -> Value:
    """The mixed derivative of `body` at `at` in the listed components of its argument."""
    if len(directions) > HIGHEST_ORDER:
        raise Undecidable(f"a derivative of order above {HIGHEST_ORDER}")
    with evaluator.fresh(len(directions)) as small:
        result = body(shifted(at, list(zip(directions, small, strict=True))))
        bits = bits_of(small)
    return each(result, lambda item: part(item, bits))


def differentiate(evaluator: Evaluator, variable: str, operand: Node, directions: tuple[int, ...]) -> Value:
    """The derivative of a tree in components of a variable, which is free in the tree."""
    declaration = evaluator.scope.get(variable)
    for key in evaluator.reach.evolutions:
        if variable in evaluator.reach.hidden(key) and key in evaluator.reach.names(operand):
            raise Undecidable(f"{key} depends on {variable} through a declared equation")
    bound = any(variable in frame.bound for frame in evaluator.frames)
    if not bound and declaration is not None and (declaration.definition or declaration.root_of):
        raise Undecidable(f"a derivative in {variable}, which is not a free variable")

    def body(value: Value) -> Value:
        with evaluator.binding({variable: value}):
            return evaluator.value(operand)

    return derivative(body, evaluator.lookup(variable), directions, evaluator)


# ---------------------------------------------------------------- derivatives


@reads(Derivative)
def _derivative(evaluator: Evaluator, node: Derivative) -> Value:
    if not is_scalar(evaluator.lookup(node.variable)):
        raise Undecidable(f"a derivative in the vector {node.variable}")
    return differentiate(evaluator, node.variable, node.operand, (0,) * node.order)


@reads(Dotted)
def _dotted(evaluator: Evaluator, node: Dotted) -> Value:
    parameters = evaluator.declaration(node.call.key).parameters
    if len(parameters) == 1:
        return _function_derivative(evaluator, node, 0)
    if "t" in parameters:
        return _function_derivative(evaluator, node, parameters.index("t"))
    raise Undecidable(f"a dot over {node.call.key}, which has several parameters and none of them is t")


@reads(Primed)
def _primed(evaluator: Evaluator, node: Primed) -> Value:
    if len(evaluator.declaration(node.call.key).parameters) != 1:
        raise Undecidable(f"a prime on {node.call.key}, which has several parameters")
    return _function_derivative(evaluator, node, 0)


def _function_derivative(evaluator: Evaluator, node: Dotted | Primed, position: int) -> Value:
    arguments = evaluator.arguments(node.call)
    if not is_scalar(arguments[position]):
        raise Undecidable("a dot or prime in a vector argument")

    def body(value: Value) -> Value:
        changed = [*arguments[:position], value, *arguments[position + 1 :]]
        return evaluator.apply(node.call, changed)

    return derivative(body, arguments[position], (0,) * node.order, evaluator)


def _space(evaluator: Evaluator, variable: str | None) -> tuple[str, bool]:
    key = variable or evaluator.scope.space
    return key, is_scalar(evaluator.lookup(key))


@reads(Gradient)
def _gradient(evaluator: Evaluator, node: Gradient) -> Value:
    key, line = _space(evaluator, node.variable)
    if line:
        return differentiate(evaluator, key, node.operand, (0,))
    columns = [differentiate(evaluator, key, node.operand, (i,)) for i in range(evaluator.dimension)]
    slopes = [column for column in columns if is_scalar(column)]
    if len(slopes) == len(columns):
        return Vector(tuple(slopes))
    vectors = [column.items for column in columns if isinstance(column, Vector)]
    if len(vectors) == len(columns):  # the Jacobian, d f_i / d x_j
        return Matrix(tuple(zip(*vectors, strict=True)))
    raise Undecidable("the gradient of a matrix")


@reads(Divergence)
def _divergence(evaluator: Evaluator, node: Divergence) -> Value:
    key, line = _space(evaluator, node.variable)
    if line:
        return differentiate(evaluator, key, node.operand, (0,))
    total: Number = mp.zero
    for i in range(evaluator.dimension):
        column = differentiate(evaluator, key, node.operand, (i,))
        if values.is_zero(column):
            continue
        if not isinstance(column, Vector):
            raise Undecidable(f"the divergence of a {values.kind(column)}")
        total = total + column.items[i]
    return total


@reads(Laplacian)
def _laplacian(evaluator: Evaluator, node: Laplacian) -> Value:
    key, line = _space(evaluator, node.variable)
    total: Value = mp.zero
    for i in range(1 if line else evaluator.dimension):
        total = values.add(total, differentiate(evaluator, key, node.operand, (i, i)))
    return total


@reads(AtPoint)
def _at_point(evaluator: Evaluator, node: AtPoint) -> Value:
    point = evaluator.value(node.point)
    if evaluator.is_vector(node.variable):
        point = values.like_zero(point, evaluator.zeros())
    with evaluator.binding({node.variable: point}):
        return evaluator.value(node.operand)


@reads(Hessian)
def _hessian(evaluator: Evaluator, node: Hessian) -> Value:
    key, line = _space(evaluator, node.variable)
    if line:
        return differentiate(evaluator, key, node.operand, (0, 0))
    size = range(evaluator.dimension)
    half = {(i, j): differentiate(evaluator, key, node.operand, (i, j)) for i in size for j in range(i + 1)}
    if not all(is_scalar(item) for item in half.values()):
        raise Undecidable("the second derivative of a vector")
    return Matrix(tuple(tuple(half[max(i, j), min(i, j)] for j in size) for i in size))


# ---------------------------------------------------------------- integrals


def over_space(evaluator: Evaluator, keys: list[str], body: Callable[[], Value]) -> Value:
    """The integral of `body` over all values of the named variables."""
    if not keys:
        return body()
    key, rest = keys[0], keys[1:]
    count = evaluator.dimension if evaluator.is_vector(key) else 1
    lines = [quadrature.WholeLine(evaluator.level) for _ in range(count)]  # one an axis, for all sums along it

    def along(numbers: tuple[Number, ...]) -> Value:
        if len(numbers) < count:
            return lines[len(numbers)](lambda x: along((*numbers, x)))
        value: Value = Vector(numbers) if evaluator.is_vector(key) else numbers[0]
        with evaluator.binding({key: value}):
            return over_space(evaluator, rest, body)

    return along(())


def _infinite(node: Node) -> int:
    """1, -1 or 0 for plus infinity, minus infinity and anything finite."""
    if isinstance(node, Negate):
        return -_infinite(node.operand)
    return int(isinstance(node, Constant) and node.name == "infinity")


@reads(Integral)
def _integral(evaluator: Evaluator, node: Integral) -> Value:
    if node.lower is None or node.upper is None:
        for key in node.variables:
            declaration = evaluator.scope.get(key)
            if declaration is not None and declaration.value == "scalar" and declaration.domain in (POSITIVE, UNIT):
                raise Undecidable(f"an integral over all values of {key}, whose domain is not the whole line")
        return over_space(evaluator, list(node.variables), lambda: evaluator.value(node.integrand))
    (key,) = node.variables

    def body(x: Number) -> Value:
        with evaluator.binding({key: x}):
            return evaluator.value(node.integrand)

    lower, upper, nested = _infinite(node.lower), _infinite(node.upper), len(evaluator.frames)
    if lower == -1 and upper == 1:
        return quadrature.WholeLine(evaluator.level)(body)
    if upper == 1 and lower == 0:
        return quadrature.half_line(body, evaluator.scalar(node.lower), 1, evaluator.level, nested)
    if lower == -1 and upper == 0:
        return quadrature.half_line(body, evaluator.scalar(node.upper), -1, evaluator.level, nested)
    if lower or upper:
        raise Undecidable("the limits of an integral are not in order")
    ends = evaluator.scalar(node.lower), evaluator.scalar(node.upper)
    return quadrature.interval(body, *ends, evaluator.level, nested)


# ---------------------------------------------------------------- minimisers


@reads(ArgMin)
def _arg_min(evaluator: Evaluator, node: ArgMin) -> Value:
    """The stationary point that Newton's method finds; it must be lower than points around it."""
    vector = evaluator.is_vector(node.variable)
    size = evaluator.dimension if vector else 1

    def objective(value: Value) -> Number:
        with evaluator.binding({node.variable: value}):
            return evaluator.scalar(node.objective)

    def derivatives(at: Value) -> tuple[list[Number], Matrix]:
        slope = [derivative(objective, at, (i,), evaluator) for i in range(size)]
        curve = tuple(tuple(derivative(objective, at, (i, j), evaluator) for j in range(size)) for i in range(size))
        return slope, Matrix(curve)

    at: Value = evaluator.lookup(node.variable)
    extra = 0  # after the number has settled, its infinitesimal parts still need a step each
    for _ in range(NEWTON_STEPS):
        slope, curve = derivatives(at)
        step = values.multiply(values.inverse(curve), Vector(tuple(slope)))
        moved = values.add(at, values.negate(step if vector else components(step)[0]))
        settled = values.magnitude(step) <= mp.mpf(10) ** (8 - mp.dps) * (1 + values.magnitude(at))
        at = moved
        extra += settled
        if extra > 2:
            break
    else:
        raise Undefined("Newton's method finds no minimiser")
    real_curve = Matrix(tuple(tuple(jets.real(item) for item in row) for row in curve.items))
    try:
        values.cholesky(real_curve)  # raises Undefined unless the curvature is positive
    except Undefined as reason:
        raise Undecidable("the objective has no minimum at its stationary point, at some drawn point") from reason
    _inside_domain(evaluator, node.variable, at)
    least = jets.real(objective(at))
    for reach in ("0.01", "0.4", "3"):
        for i in range(size):
            for sign in (1, -1):
                away = components(at)
                away[i] = away[i] + sign * mp.mpf(reach)
                try:
                    around = objective(Vector(tuple(away)) if vector else away[0])
                except Undefined:
                    continue  # outside the domain of the objective
                if jets.real(around) <= least:
                    raise Undefined("the stationary point is not the minimiser")
    return at


def _inside_domain(evaluator: Evaluator, key: str, at: Value) -> None:
    """Refuse a stationary point where the declarations of the minimised name do not hold."""
    domain = evaluator.declaration(key).domain
    with evaluator.binding({key: at}):
        assumed = [a for a in evaluator.scope.assumptions if key in evaluator.reach.names(a)]
        needed = [jets.real(evaluator.scalar(a)) for a in assumed]
    if domain in (POSITIVE, NONNEGATIVE, UNIT):
        needed.append(jets.real(at))
    if domain == UNIT:
        needed.append(1 - jets.real(at))
    if any(number <= 0 for number in needed):
        raise Undecidable(f"the stationary point lies outside the declared domain of {key}")
