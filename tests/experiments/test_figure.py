"""Figures: what is drawn is where it belongs, stays small, and is told in words as well."""

import math
import re
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.experiments.axes import Axis, text_width, wrapped
from verify.experiments.contours import regions
from verify.experiments.figure import SIZE, WIDTH, draw
from verify.experiments.picture import Density, Guide, Panel, Picture, Series, Sheet, Traces, slope

SVG = "{http://www.w3.org/2000/svg}"


def both(text):
    return {"en": text, "zh": f"中文{text}"}


def picture(series, **options):
    keywords = {"title": both("T"), "x_title": both("x"), "y_title": both("y"), "description": both("D")} | options
    return Picture(series=series, **keywords)


def numbers(element):
    return [float(v) for v in re.findall(r"-?\d+(?:\.\d+)?", element.get("d", ""))]


def plane(extent=2.0, count=41):
    grid = [extent * (2 * k / (count - 1) - 1) for k in range(count)]
    return grid, [[math.exp(-(x * x + 4 * y * y)) for x in grid] for y in grid]


EVERY = [
    Series(both("line"), [1, 2, 3], [1.0, 4.0, 9.0]),
    Series(both("points"), [1, 2, 3], [2.0, 3.0, 4.0], "points", [1.5, 2.5, 3.5], [2.5, 3.5, 4.5]),
    Series(both("marked"), [1, 2, 3], [3.0, 2.0, 1.0], "marked"),
    Series(both("bars"), [1, 2, 3], [1.0, 2.0, 5.0], "bars"),
    Series(both("more bars"), [1, 2, 3], [2.0, 2.0, 2.0], "bars"),
    Series(both("band"), [1, 2, 3], [5.0, 5.0, 5.0], "band", [4.0, 4.5, 4.8], [6.0, 5.5, 5.2]),
    Traces(both("paths"), [([1, 2], [1.0, 2.0]), ([2, 3], [8.0, 7.0])]),
]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("logs", [(False, False), (True, True), (False, True)])
def test_every_style_is_drawn_inside_the_figure_and_told_in_words(language, logs):
    svg = draw(picture(EVERY, x_log=logs[0], y_log=logs[1]), language, "id")
    root = ElementTree.fromstring(svg)
    width, height = (float(v) for v in root.get("viewBox").split()[2:])
    assert width == WIDTH
    assert [child.tag for child in root][:2] == [f"{SVG}title", f"{SVG}desc"]
    assert root.get("aria-labelledby").split() == [root[0].get("id"), root[1].get("id")]
    texts = [t.text for t in root.iter(f"{SVG}text")]
    for one in EVERY:
        assert one.title[language] in texts
    for text in root.iter(f"{SVG}text"):
        assert 0 <= float(text.get("x")) <= width and 0 <= float(text.get("y")) <= height
    assert "nan" not in svg and "inf" not in svg


def test_the_same_words_in_two_panels_look_the_same_and_stand_once_in_the_legend():
    one, two = Series(both("a"), [0, 1], [0.0, 1.0]), Series(both("b"), [0, 1], [1.0, 0.0])
    panels = [
        Panel(title=both(f"P{k}"), x_title=both("x"), y_title=both("y"), series=series)
        for k, series in enumerate(([one, two], [two]))
    ]
    root = ElementTree.fromstring(draw(Sheet(title=both("S"), description=both("D"), panels=panels), "en", "s"))
    texts = [t.text for t in root.iter(f"{SVG}text")]
    assert texts.count("a") == texts.count("b") == 1
    assert {"P0", "P1"} <= set(texts)
    strokes = [g.get("stroke") for g in root.iter(f"{SVG}g")]
    assert len(set(strokes)) == 2 and strokes.count(strokes[1]) == 3  # b: in both panels and in the legend


def test_trajectories_on_a_density_with_guides_stay_small():
    grid, values = plane(count=64)
    paths = [([math.cos(k + t / 9) for t in range(19)], [math.sin(k * t / 9) for t in range(19)]) for k in range(60)]
    panels = [
        Panel(
            title=both("density"), x_title=both("x₁"), y_title=both("x₂"), equal=True,
            density=Density(grid, grid, values), series=[Traces(both("paths"), paths)],
            guides=[Guide((-1, -1), (1, 1), both("axis"))],
        )
        for _ in range(2)
    ]  # fmt: skip
    svg = draw(Sheet(title=both("S"), description=both("D"), panels=panels, columns=2), "en", "s")
    assert len(svg.encode()) < 60_000
    root = ElementTree.fromstring(svg)
    frames = [numbers(p) for p in root.iter(f"{SVG}path") if p.get("class") == "axis"]
    assert len(frames) == 2
    (left, _, _, right), (second, *_) = frames
    assert right < second  # side by side


def test_equal_axes_draw_circles_round():
    circle = [(math.cos(t / 9), math.sin(t / 9)) for t in range(57)]
    xs, ys = (list(v) for v in zip(*circle, strict=True))
    root = ElementTree.fromstring(draw(picture([Series(both("c"), xs, ys)], equal=True), "en", "c"))
    curve = next(p for p in root.iter(f"{SVG}path") if p.get("fill") == "none" and len(numbers(p)) == 114)
    points = numbers(curve)
    assert max(points[::2]) - min(points[::2]) == pytest.approx(max(points[1::2]) - min(points[1::2]), abs=0.5)


def test_a_slope_is_a_straight_line_of_that_order():
    guide = slope((1e-3, 1e-6), 1e-1, 2)
    assert guide.end == pytest.approx((1e-1, 1e-2))
    assert guide.title == {"en": "slope 2", "zh": "斜率 2"}


@given(st.floats(0.05, 0.95))
def test_regions_have_the_area_of_the_level_set(level):
    """{exp(-x^2 - 4 y^2) >= level} is an ellipse of area pi/2 log(1/level)."""
    grid, values = plane(count=81)
    unit = grid[1] - grid[0]
    area = 0.0
    for loop in regions(values, level):
        for (a, b), (c, d) in zip(loop, loop[1:] + loop[:1], strict=True):
            area += (a * d - b * c) / 2
    assert abs(area) * unit**2 == pytest.approx(math.pi / 2 * math.log(1 / level), rel=0.02, abs=0.02)


@given(st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=3, max_size=5))
def test_regions_contain_what_is_above_and_nothing_else(values):
    """By the even-odd rule, at every node, for any values, holes and saddles included."""
    loops = regions(values, 1.5)
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            x, y = j + 1e-7, i + 1.3e-7  # just off the node, so that no corner is met
            crossings = 0
            for loop in loops:
                for (a, b), (c, d) in zip(loop, loop[1:] + loop[:1], strict=True):
                    if (b > y) != (d > y) and x < a + (y - b) / (d - b) * (c - a):
                        crossings += 1
            inside_grid = j < len(row) - 1 and i < len(values) - 1
            if inside_grid:
                assert (crossings % 2 == 1) == (value >= 1.5)


@given(
    low=st.floats(-1e6, 1e6), span=st.floats(1e-6, 1e6), log=st.booleans(), length=st.integers(120, 460),
)  # fmt: skip
def test_ticks_are_inside_increasing_and_apart(low, span, log, length):
    values = [abs(low) + 1e-6, abs(low) + 1e-6 + span] if log else [low, low + span]
    axis = Axis(values, log, 0.0, float(length))
    ticks = axis.ticks(46)
    places = [axis(value) for value, _ in ticks]
    assert all(-1e-6 <= place <= length + 1e-6 for place in places)
    assert places == sorted(places)
    assert len(ticks) <= max(2, length // 46) + 1


@given(st.text(alphabet="ab 中文，", min_size=1, max_size=60), st.integers(60, 300))
def test_wrapped_text_fits_and_loses_nothing(text, room):
    lines = wrapped(text, SIZE, room)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(text_width(line, SIZE) <= room or " " not in line.strip() for line in lines)


def test_a_figure_of_nothing_is_refused():
    with pytest.raises(ValueError, match="finite"):
        draw(picture([Series(both("a"), [1.0], [math.nan])]), "en", "x")
