"""A scope from declaration lines, as every test of a formula needs one."""

from __future__ import annotations

from verify.language.declare import declare
from verify.language.scope import Scope


def scope_of(*lines: str) -> Scope:
    """A scope from lines such as `$x$ : vector`."""
    return declare([(line, 0) for line in lines])
