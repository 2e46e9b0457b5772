r"""How a name is spelled: fonts and variant letters do not count, and an index is an index whatever its letter.

`\tilde{\beta}_{t}`, `\tilde{\beta}_{k}` and the sequence `\tilde{\beta}_{.}` with the index `k` are one name in two
papers. The mark • stands for the index.
"""

from __future__ import annotations

import re

from verify.language.scope import Declaration
from verify.language.tree import Add, Call, Name, Negate, Node, Number, Power

INDICES = "tknijmls"  # letters that count steps
_INDEX = re.compile(r"_\{([A-Za-z])([+-]\d)?\}")
_FONT = re.compile(r"\\(?:mathbf|boldsymbol|bm|mathcal|mathrm)\{([^{}]*)\}")
_VARIANTS = {r"\varepsilon": r"\epsilon", r"\vartheta": r"\theta", r"\varphi": r"\phi"}


def spelled(key: str, letter: str = "") -> str:
    """The key without fonts and variants, with • in place of the index `letter`."""
    key = _FONT.sub(r"\1", key)
    for variant, letter_of_it in _VARIANTS.items():
        key = key.replace(variant, letter_of_it)
    return _INDEX.sub(lambda m: f"_{{•{m[2] or ''}}}" if m[1] == letter else m[0], key) if letter else key


def left_letter(key: str) -> str:
    """The index that a defined name is written with, '' when it has none."""
    found = _INDEX.search(key)
    return found[1] if found and found[1] in INDICES else ""


def letter_among(keys: list[str]) -> str:
    """The one index letter of several names, '' when they have none or several."""
    letters = {found[1] for key in keys for found in _INDEX.finditer(key) if found[1] in INDICES}
    return letters.pop() if len(letters) == 1 else ""


def name_of(node: Node) -> str:
    r"""The key of a name, a member of a sequence or a function of names, also squared; '' for any other formula."""
    match node:
        case Name(key=key):
            return key
        case Call(key=key, index=index) if index is not None:
            offset = written_index(index)
            return f"{key.removesuffix('_{.}')}_{{{offset}}}" if offset else ""
        case Call(key=key, arguments=arguments):
            return key if all(isinstance(argument, Name) for argument in arguments or ()) else ""
        case Power(base=base, exponent=Number(text="2")) if not isinstance(base, Power) and name_of(base):
            return f"{name_of(base)}^{{2}}"
    return ""


def written_index(index: Node) -> str:
    """`t`, `t-1` or `t+1` of an index; '' for any other formula."""
    match index:
        case Name(key=key):
            return key
        case Add(terms=(Name(key=key), Negate(operand=Number(text=text)))):
            return f"{key}-{text}"
        case Add(terms=(Name(key=key), Number(text=text))):
            return f"{key}+{text}"
    return ""


def declared_name(declaration: Declaration) -> str:
    """The key of a declared name with its index in place of the dot."""
    key = declaration.key.partition("(")[0]
    if key.endswith("_{.}"):
        index = declaration.parameters[-1] if declaration.parameters else ""
        return f"{key.removesuffix('_{.}')}_{{{index}}}" if index and not index.startswith("__") else ""
    return key
