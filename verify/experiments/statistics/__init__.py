r"""Verdicts with known error rates: intervals that hold at every sample size, and three outcomes.

An estimand is `confirmed` when its interval lies inside the margin stated beforehand, `refuted` when it lies outside,
`inconclusive` otherwise. "Not rejected" is never a pass, and NaN is refuted. Every sampling interval covers the truth
except with probability FALSE_ALARM; every law also gives the values that it would refute except with probability MISS.
Sums are taken in float64: one float32 sum over 10^6 rows turns a 1e-9 test into a 4 % one.

| estimand | what is assumed of the sample | law |
| --- | --- | --- |
| variance | Gaussian, mean known | `ChiSquare` |
| mean square | Gaussian, means unknown | `NoncentralSquare` |
| mean | Gaussian, deviation known | `NormalMean` |
| mean of differences on common latents | Gaussian, deviation unknown | `NormalDifference` of `paired` |
| mean, or mean of differences | in a range of known length | `BoundedMean` (of `paired`) |
| probability | independent trials | `Proportion` |
| distance of a law | independent rows, law's characteristic function known | `CharacteristicFunction` |
| distance of a law, to be looked at | independent rows, cdfs of projections known | `KolmogorovSmirnov` |
| order of convergence | errors above rounding | `order_interval` |
"""

from verify.experiments.statistics.convergence import order_interval
from verify.experiments.statistics.distances import (
    CharacteristicFunction,
    KolmogorovSmirnov,
    frequencies,
    massart_radius,
)
from verify.experiments.statistics.moments import (
    BoundedMean,
    ChiSquare,
    NoncentralSquare,
    NormalDifference,
    NormalMean,
    Proportion,
    bernstein_radius,
    chi_square_quantile,
    empirical_radius,
    normal_reach,
    paired,
    relative_entropy,
)
from verify.experiments.statistics.planning import Law, needed, plan
from verify.experiments.statistics.verdicts import (
    CONFIRMED,
    FALSE_ALARM,
    INCONCLUSIVE,
    MISS,
    REFUTED,
    Interval,
    Span,
    around,
    exact,
    exact_blind,
    mean,
    verdict,
)

__all__ = [
    "CONFIRMED",
    "FALSE_ALARM",
    "INCONCLUSIVE",
    "MISS",
    "REFUTED",
    "BoundedMean",
    "CharacteristicFunction",
    "ChiSquare",
    "Interval",
    "KolmogorovSmirnov",
    "Law",
    "NoncentralSquare",
    "NormalDifference",
    "NormalMean",
    "Proportion",
    "Span",
    "around",
    "bernstein_radius",
    "chi_square_quantile",
    "empirical_radius",
    "exact",
    "exact_blind",
    "frequencies",
    "massart_radius",
    "mean",
    "needed",
    "normal_reach",
    "order_interval",
    "paired",
    "plan",
    "relative_entropy",
    "verdict",
]
