"""Gaussian paths x_t = alpha(t) y + sigma(t) n and the predictions that live on them."""

from verify.experiments.paths.families import (
    brownian,
    cosine,
    edm,
    flipped,
    flow_matching,
    from_functions,
    shifted,
    sub_vp,
    sub_vp_line,
    ve,
    vp_linear,
)
from verify.experiments.paths.parameterisations import Kind, Point, convert
from verify.experiments.paths.path import Curve, Path

__all__ = [
    "Curve",
    "Kind",
    "Path",
    "Point",
    "brownian",
    "convert",
    "cosine",
    "edm",
    "flipped",
    "flow_matching",
    "from_functions",
    "shifted",
    "sub_vp",
    "sub_vp_line",
    "ve",
    "vp_linear",
]
