r"""What to write instead, for a step that stays undecided: one sentence, where the reason tells it."""

from __future__ import annotations

import re

# What a reason says -> what helps. The first row that fits counts.
_ADVICE = (
    (r"the joint law of", r"declare it:  joint: $x_0 \sim ...$"),
    (r"moments of .* are (known|declared)", r"declare the law:  $n \sim \mathcal{N}(0, \sigma^2 I)$"),
    (r"no combination of the declared boundary", "declare the field whose divergence is missing:  boundary: $...$"),
    (r"too many terms|too large|more than .* terms", "split the step into rows, or name a part by a definition"),
    (r"sign of the difference is not certain", "write the difference as squares or positive factors in a row before"),
    (r"in symbolic d|in explicit components", "declare  dimensions: 1, 2, 3  to have the components compared"),
    (
        r"not certainly positive|not certainly different from zero|is not certain\b|sign inside an absolute value",
        "declare the domain of the names (positive, (0,1)), or add an assumption such as  $a-b > 0$",
    ),
    (r"no point inside the declared domain separates", "write the row in between, or declare what ties the names"),
)  # fmt: skip


def advice(why: str) -> str:
    """What to write instead, or '' where the reason does not tell."""
    return next((words for pattern, words in _ADVICE if re.search(pattern, why)), "")
