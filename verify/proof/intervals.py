"""Rigorous real interval evaluation of an expression with mpmath.iv, and text that rounds outward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sympy as sp
from mpmath import iv
from mpmath.ctx_base import StandardBaseContext
from mpmath.ctx_iv import ivmpf
from mpmath.libmp import finf, fnan, fninf, from_man_exp, libmpi, mpf_cmp, to_rational

Interval = ivmpf
Point = Mapping[sp.Expr, Any]  # symbol or atom -> Rational or Interval

MAX_EXPONENT = 1_000_000
MAX_ARGUMENT = 100_000  # of an exponential: beyond that the value is of no use
