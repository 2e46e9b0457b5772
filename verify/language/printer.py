r"""Typed tree to canonical LaTeX: `read_formula(latex(tree), scope) == tree`.

The printed form shows how the machine read a formula, so it is generous with brackets: every operator
that stands in front of its operand gets them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from verify.language.names import latex_of_key
from verify.language.tree import (
    Absolute,
    Add,
    ArgMin,
    AtPoint,
    BigO,
    Call,
    Cases,
    Compare,
    Constant,
    Derivative,
    Determinant,
    Diagonal,
    Differential,
    Divergence,
    Divide,
    DotProduct,
    Dotted,
    Extremum,
    Function,
    Gaussian,
    Gradient,
    Hessian,
    Identity,
    Inner,
    Integral,
    KullbackLeibler,
    Laplacian,
    Limit,
    Moment,
    Multiply,
    Name,
    Negate,
    Node,
    Norm,
    Number,
    Power,
    Primed,
    Product,
    Root,
    Summation,
    Trace,
    Transpose,
)

_NAMED = {"sigmoid", "erf"}
_SIGNS = {"<": "<", "<=": r"\le", ">": ">", ">=": r"\ge"}


def latex(node: Node) -> str:
    """Canonical LaTeX of a tree."""
    match node:
        case Add(terms=terms):
            return _sum(terms)
        case Negate(operand=operand):
            return "-" + _term(operand)
        case Multiply(factors=factors):
            return _juxtapose([_factor(f) for f in factors], list(factors))
        case DotProduct(left=left, right=right):
            first = latex(left) if isinstance(left, DotProduct) else _factor(left)
            return rf"{first}\cdot {_factor(right)}"
        case Integral():
            return _integral(node)
        case Summation() | Product():
            return _big_operator(node)
        case ArgMin(variable=variable, objective=objective):
            return rf"\operatorname*{{arg\,min}}_{{{latex_of_key(variable)}}} {_term(objective)}"
        case Limit(variable=variable, point=point, side=side, body=body):
            end = latex(point) + (f"^{{{side}}}" if side else "")
            return rf"\lim_{{{latex_of_key(variable)}\to {end}}} {_term(body)}"
    return _atom(node)


def _brackets(text: str) -> str:
    return rf"\left({text}\right)"


def _sum(terms: tuple[Node, ...]) -> str:
    out = ""
    for term in terms:
        if isinstance(term, Negate):
            out += "-" + _term(term.operand)
        else:
            out += ("+" if out else "") + _term(term)
    return out


def _term(node: Node) -> str:
    """As one term of a sum."""
    return _brackets(latex(node)) if isinstance(node, Add | Negate | ArgMin | Limit) else latex(node)


def _factor(node: Node) -> str:
    """As one factor of a product."""
    loose = Add | Negate | Multiply | DotProduct | Summation | Product | ArgMin | Limit
    return _brackets(latex(node)) if isinstance(node, loose) else latex(node)


def _juxtapose(texts: list[str], nodes: list[Node]) -> str:
    """Factors side by side; a name before a bracket would read as a call, so it gets brackets too."""
    out: list[str] = []  # from the right, so that a name before a bracketed name is seen too
    for i, (text, node) in reversed(list(enumerate(zip(texts, nodes, strict=True)))):
        if isinstance(node, DotProduct) and i:
            text = _brackets(latex(node))
        callable_looking = isinstance(node, Name | Call | Dotted | Primed | Differential | Power | Constant | Identity)
        if i and isinstance(nodes[i - 1], Number) and text[0].isdigit():
            text = _brackets(text)  # two numbers side by side look like one
        before_bracket = bool(out) and out[0].startswith((r"\left(", "("))
        if callable_looking and before_bracket and not text.endswith(")"):
            text = _brackets(text)
        out.insert(0, text)
    return r"\,".join(out)


def _base(node: Node) -> str:
    """As the base of a power or of a transposition."""
    plain_name = isinstance(node, Name) and "^" not in node.key
    called = isinstance(node, Call) and node.arguments is not None
    if plain_name or called or isinstance(node, Number | Norm | Identity):
        return latex(node)
    return _brackets(latex(node))


def _operand(node: Node) -> str:
    """After an operator in front: in brackets unless it has visible ends of its own."""
    return latex(node) if isinstance(node, Divide | Norm) else _brackets(latex(node))


def _atom(node: Node) -> str:
    match node:
        case Number(text=text):
            return text
        case Constant(name="pi"):
            return r"\pi"
        case Constant(name="infinity"):
            return r"\infty"
        case Constant(name="dimension"):
            return "{d}"
        case Identity():
            return "I"
        case Name(key=key):
            return latex_of_key(key)
        case Call():
            return _call(node)
        case Divide(numerator=above, denominator=below):
            top = _brackets(latex(above)) if _starts_with_differential(above) else latex(above)
            return rf"\frac{{{top}}}{{{latex(below)}}}"
        case Power(base=base, exponent=exponent):
            return f"{_base(base)}^{{{latex(exponent)}}}"
        case Root(radicand=radicand, degree=degree):
            return r"\sqrt" + (f"[{latex(degree)}]" if degree else "") + f"{{{latex(radicand)}}}"
        case Function(name=name, argument=argument):
            command = rf"\operatorname{{{name}}}" if name in _NAMED else f"\\{name}"
            return command + _operand(argument)
        case Extremum(name=name, arguments=arguments):
            return rf"\{name}" + _brackets(",".join(latex(a) for a in arguments))
        case Cases(branches=branches, otherwise=otherwise):
            rows = [rf"{latex(value)}&{_conditions(conditions)}" for value, conditions in branches]
            rows.append(rf"{latex(otherwise)}&\text{{otherwise}}")
            return r"\begin{cases}" + r"\\".join(rows) + r"\end{cases}"
        case Compare(relation=relation, left=left, right=right):
            return f"{latex(left)} {_SIGNS[relation]} {latex(right)}"
        case Absolute(operand=operand):
            return _brackets(rf"\left|{latex(operand)}\right|")
        case Norm(operand=operand, frobenius=frobenius):
            return rf"\left\|{latex(operand)}\right\|" + ("_{F}" if frobenius else "")
        case Inner(left=left, right=right):
            return rf"\langle {latex(left)},{latex(right)}\rangle "
        case Transpose(operand=operand):
            return rf"{_base(operand)}^{{\top}}"
        case Trace(operand=operand):
            return r"\operatorname{tr}" + _operand(operand)
        case Determinant(operand=operand):
            return r"\det" + _operand(operand)
        case Diagonal(operand=operand):
            return r"\operatorname{diag}" + _operand(operand)
        case BigO(variable=variable, order=order):
            power = f"^{{{order}}}" if order != 1 else ""
            return r"\mathcal{O}" + _brackets(latex_of_key(variable) + power)
    return _calculus(node)


def _conditions(conditions: tuple[Node, ...]) -> str:
    """`a < b` or `a < b \\le c`: each comparison begins where the one before ended."""
    text = latex(conditions[0])
    for condition in conditions[1:]:
        assert isinstance(condition, Compare)
        text += f" {_SIGNS[condition.relation]} {latex(condition.right)}"
    return text


def _starts_with_differential(node: Node) -> bool:
    first = node
    while isinstance(first, Add | Multiply | DotProduct):
        first = next(first.children())
    return isinstance(first, Differential)


def _calculus(node: Node) -> str:
    match node:
        case Derivative(variable=variable, order=order, operand=operand, partial=partial):
            sign = r"\partial" if partial else r"\mathrm{d}"
            power = f"^{{{order}}}" if order > 1 else ""
            below = f"{sign} {latex_of_key(variable)}{power}"
            return rf"\frac{{{sign}{power}}}{{{below}}}{_operand(operand)}"
        case Dotted(call=call, order=order):
            accent = {1: "dot", 2: "ddot"}[order]
            return _decorated(call, lambda base: rf"\{accent}{{{base}}}", "")
        case Primed(call=call, order=order):
            return _decorated(call, lambda base: base, "'" * order)
        case Gradient(variable=variable, operand=operand):
            return r"\nabla" + _at(variable) + _operand(operand)
        case Divergence(variable=variable, operand=operand):
            return r"\nabla" + _at(variable) + r"\cdot" + _operand(operand)
        case Laplacian(variable=variable, operand=operand):
            return r"\Delta" + _at(variable) + _operand(operand)
        case Hessian(variable=variable, operand=operand):
            return r"\nabla" + _at(variable) + "^{2}" + _operand(operand)
        case AtPoint(variable=variable, point=point, operand=operand):
            return rf"\left. {latex(operand)}\right|_{{{latex_of_key(variable)}={latex(point)}}}"
        case Differential(operand=operand):
            inner = latex(operand)
            return r"\mathrm{d}" + (inner if isinstance(operand, Name | Call) else _brackets(inner))
    return _probability(node)


def _probability(node: Node) -> str:
    match node:
        case Gaussian(point=point, mean=mean, covariance=covariance):
            before = f"{latex(point)};" if point is not None else ""
            return r"\mathcal{N}" + _brackets(f"{before}{latex(mean)},{latex(covariance)}")
        case KullbackLeibler(first=first, second=second):
            return r"D_{\mathrm{KL}}" + _brackets(rf"{_law(first)}\,\|\,{_law(second)}")
        case Moment(kind=kind, laws=laws, body=body, given=given, value=value):
            sign = r"\mathbb{E}" if kind == "E" else rf"\mathrm{{{kind}}}"
            over = ",".join(latex_of_key(k) + (rf"\sim {_law(law)}" if law else "") for k, law in laws)
            condition = ""
            if given is not None:
                condition = r"\,|\," + latex_of_key(given) + (f"={latex(value)}" if value is not None else "")
            return sign + (f"_{{{over}}}" if over else "") + rf"\left[{latex(body)}{condition}\right]"
    raise TypeError(f"no LaTeX for {type(node).__name__}")


def _law(node: Node) -> str:
    return latex(node) if isinstance(node, Gaussian | Call) else _brackets(latex(node))


def _at(variable: str | None) -> str:
    return f"_{{{latex_of_key(variable)}}}" if variable is not None else ""


def _call(node: Call) -> str:
    return _decorated(node, lambda base: base, "")


_SUBSCRIPT = re.compile(r"(?P<base>.*?)(?P<sub>_\{.*\})?", re.S)


def _decorated(call: Call, accent: Callable[[str], str], primes: str) -> str:
    """The name of a call with an accent or primes, then its arguments."""
    key, _, signature = call.key.partition("(")
    match = _SUBSCRIPT.fullmatch(latex_of_key(key))
    assert match is not None
    sub = f"_{{{latex(call.index)}}}" if call.index is not None else (match["sub"] or "")
    name = accent(match["base"]) + sub + primes
    if call.arguments is None:
        return name
    plain = ["|" if place == call.bar else "," for place in range(1, len(call.arguments))]
    marks = [c for c in signature if c in ",|"] or plain
    inside = latex(call.arguments[0]) if call.arguments else ""
    for mark, argument in zip(marks, call.arguments[1:], strict=True):
        inside += f"{mark}{latex(argument)}"
    return f"{name}({inside})"


def _integral(node: Integral) -> str:
    limits = ""
    if node.lower is not None and node.upper is not None:
        limits = f"_{{{latex(node.lower)}}}^{{{latex(node.upper)}}}"
    body = latex(node.integrand)
    last = node.integrand.factors[-1] if isinstance(node.integrand, Multiply) else node.integrand
    if isinstance(node.integrand, Add | Negate) or isinstance(last, Integral):
        body = _brackets(body)  # else the inner integral would take the outer differential
    signs = r"\int" * len(node.variables)
    return f"{signs}{limits} {body}" + "".join(rf"\,\mathrm{{d}}{latex_of_key(v)}" for v in node.variables)


def _big_operator(node: Summation | Product) -> str:
    sign = r"\sum" if isinstance(node, Summation) else r"\prod"
    below = latex_of_key(node.index) + (f"={latex(node.lower)}" if node.lower is not None else "")
    above = f"^{{{latex(node.upper)}}}" if node.upper is not None else ""
    body = _factor(node.body) if isinstance(node, Product) else _term(node.body)
    return f"{sign}_{{{below}}}{above} {body}"
