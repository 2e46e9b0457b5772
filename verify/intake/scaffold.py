"""Texts of new files: a claim, a question, a page, an experiment. Each passes its checks as it is written."""

from __future__ import annotations

from collections.abc import Sequence

from verify.intake import schema
from verify.language.errors import LanguageError
from verify.language.format import formatted

EXAMPLE = ("(a+b)^2", r"a^2+2ab+b^2 && \text{expand}")
DECLARED = ("$a, b$ : real", "dimensions: 1")
WRONG = "a^2+ab+b^2"


def claim(id_: str, options: dict[str, str], declared: Sequence[str], formula: str) -> str:
    """A claim block. Without a formula it holds an example that is proved, with a mistake that is refuted."""
    for name, value in options.items():
        _one_line(name, value)
    lines = [f"/// claim | {id_}", *(f"    {name}: {value}" for name, value in options.items() if value), ""]
    items = declared or (() if formula else DECLARED)
    lines += [*(f"- {item.strip().removeprefix('- ')}" for item in items), ""]
    if formula:
        return formatted("\n".join([*lines, f"$$ {formula.strip().strip('$')} $$", "///", ""]))
    left, right = EXAMPLE
    lines += ["$$", r"\begin{aligned}", left, f" &= {right}", r"\end{aligned}", "$$", "///", ""]
    lines += [f"/// mistake | {id_}", "    title: half of the product is lost", "    title-zh: 乘积项少了一半", ""]
    return formatted("\n".join([*lines, f"$$ = {WRONG} $$", "///", ""]))


def question(data: dict[str, str | list[str]], title: str) -> str:
    """A question that is open: its front matter, and what is known so far."""
    for name, wrong in schema.problems(schema.QUESTION, data).items():
        raise LanguageError(f"{name} {wrong}")
    claims = data.get("claims") or []
    rests = "".join(f"- [{name}][]\n" for name in claims)
    known = f"## What is known\n\n{rests}\n" if rests else ""
    return f"{schema.written({**data, 'title': title})}\n# {title}\n\n{known}## What stays open\n\n{title}\n"


def page(title: str, claims: Sequence[str]) -> str:
    """A page that shows claims in the order given."""
    _one_line("title", title)
    cards = "".join(f"\n/// card | {name}\n///\n" for name in claims)
    return f"# {title}\n{cards}"


def experiment(name: str, titles: dict[str, str], claims: Sequence[str]) -> str:
    """A module with an experiment that is confirmed and rejects its wrong variants: a start to be changed."""
    for title in titles.values():
        _one_line("title", title)
    named = "".join(f"{_quoted(claim)}, " for claim in claims).rstrip(" ")
    words = {"NAME": name, "CLASS": "".join(part.capitalize() for part in name.split("-")), "CLAIMS": named,
             "TITLE_EN": _quoted(titles["en"]), "TITLE_ZH": _quoted(titles["zh"])}  # fmt: skip
    text = _EXPERIMENT
    for mark, value in words.items():
        text = text.replace(f"@{mark}@", value)
    return text


def _one_line(name: str, value: str) -> None:
    if wrong := schema.Field("", needed=name == "title").problem(value):
        raise LanguageError(f"{name} {wrong}")


def _quoted(text: str) -> str:
    """A Python literal in double quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_EXPERIMENT = '''r"""@NAME@: the mean square of sigma n is sigma^2 for Gaussian noise n.

Var(sigma n) = sigma^2 Var n = sigma^2. The wrong variants add noise of another size.
"""

from __future__ import annotations

from verify.experiments.experiment import Experiment, Measurement, Picture, Prediction, Series, Text, Wrong, experiment
from verify.experiments.statistics import NoncentralSquare, Span, mean

SIGMA = 0.5
ROWS, DIMENSIONS = 100_000, 4
MARGIN = 0.03


@experiment(
    name="@NAME@",
    title={
        "en": @TITLE_EN@,
        "zh": @TITLE_ZH@,
    },
    claims=(@CLAIMS@),
    prediction={
        "en": "The mean square of sigma n is sigma².",
        "zh": "σn 的均方等于 σ²。",
    },
)
class @CLASS@(Experiment):
    subject = SIGMA
    wrong = {
        "root": Wrong({"en": "the root of sigma in its place", "zh": "把 σ 写成了它的平方根"}, SIGMA**0.5, "square"),
        "square": Wrong({"en": "its square in its place", "zh": "把 σ 写成了它的平方"}, SIGMA**2, "square"),
    }

    def predict(self) -> dict[str, Prediction]:
        value = self.expect(self.subject)["square"]
        margin = Span(value * (1 - MARGIN), value * (1 + MARGIN))
        law = NoncentralSquare(ROWS * DIMENSIONS)
        title = {"en": "mean square", "zh": "均方"}
        return {"square": Prediction(title, value, margin, law.blind(margin), law.false_alarm, "mean square")}

    def expect(self, subject: float) -> dict[str, float]:
        return {"square": subject**2}

    def measure(self, subject: float) -> Measurement:
        noise = self.setting.latents.normal("@NAME@", ROWS, DIMENSIONS)
        square = mean((subject * noise).double().square())
        return Measurement({"square": NoncentralSquare(ROWS * DIMENSIONS).interval(square)})

    def picture(self, measurements: dict[str, Measurement]) -> Picture:
        found = [measurement.intervals["square"].estimate for measurement in measurements.values()]
        sizes = [self.wrong[name].subject if name else self.subject for name in measurements]
        return Picture(
            title={"en": "Mean square of sigma n", "zh": "σn 的均方"},
            description={"en": "Measured mean squares at three sizes.", "zh": "三种大小下测得的均方。"},
            x_title={"en": "sigma", "zh": "σ"},
            y_title={"en": "mean square", "zh": "均方"},
            series=[Series({"en": "measured", "zh": "实测"}, sizes, found, "points")],
        )

    def summary(self, measurement: Measurement) -> Text:
        value = measurement.intervals["square"].estimate
        return {"en": f"Mean square {value:.4f}.", "zh": f"均方为 {value:.4f}。"}
'''
