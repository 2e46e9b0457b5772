"""The graph: what rests on what, a drawing that hides and invents nothing, and a page that a reader can use."""

from __future__ import annotations

import re
import xml.etree.ElementTree as etree
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.language.claim import Claim
from verify.language.scope import Scope
from verify.ledger.standing import Standing
from verify.ledger.verdict import VERDICTS
from verify.site.cards.card import Printer, Shelf
from verify.site.contents.model import Library
from verify.site.graph.drawing import HIGH, WIDE, around, whole
from verify.site.graph.edges import AFTER, PREMISE, STEP, WORDS, Edge, Graph
from verify.site.graph.page import LARGE, graph_page

HOSTILE = '<script>alert(1)</script> & "quoted" \' ]]> </title></svg> $\\sigma$'


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Up to twelve claims of up to three topics; each uses some before it and is read after some, with no circle."""
    count = draw(st.integers(1, 12))
    ids = [f"{'abc'[draw(st.integers(0, 2))]}.n{number}" for number in range(count)]
    edges = [
        Edge(ids[number], other)
        for number in range(count)
        for other in draw(st.sets(st.sampled_from(ids[:number]), max_size=3) if number else st.just(set()))
    ]
    used = {(edge.claim, edge.uses) for edge in edges}
    order = [
        Edge(ids[number], other, AFTER)
        for number in range(count)
        for other in draw(st.sets(st.sampled_from(ids[:number]), max_size=2) if number else st.just(set()))
        if (ids[number], other) not in used
    ]
    return Graph(tuple(ids), tuple(sorted(edges)), tuple(sorted(order)))


def powers(graph: Graph) -> dict[str, set[str]]:
    """All that each claim rests on, by adding what is used until nothing is new: no queue, no order."""
    found = {id_: {edge.uses for edge in graph.edges if edge.claim == id_} for id_ in graph.ids}
    for _ in graph.ids:
        found = {id_: near | {far for one in near for far in found[one]} for id_, near in found.items()}
    return found


def library_of(graph: Graph, title: str = "A title") -> Library:
    claims = {
        id_: Claim(id_, {"en": title, "zh": title}, Scope(), (), (), uses=graph.uses[id_], line=number)
        for number, id_ in enumerate(graph.ids)
    }
    stands = {
        id_: Standing(VERDICTS[number % len(VERDICTS)], "", "", {}, "", stale=number == 0, seconds=0.0)
        for number, id_ in enumerate(graph.ids)
    }
    return Library(claims, {}, stands)


def page_of(library: Library, language: str = "en") -> str:
    shelf = Shelf(library, language)
    return Printer(shelf, "graph.html").render("graph", **graph_page(shelf))


# ---- what rests on what


@given(graphs())
def test_what_a_claim_rests_on_and_what_falls_with_it(graph: Graph) -> None:
    wanted = powers(graph)
    for id_ in graph.ids:
        assert sorted(graph.rests_on(id_)) == sorted(wanted[id_])
        assert sorted(graph.falls_with(id_)) == sorted(other for other in graph.ids if id_ in wanted[other])


@given(graphs())
def test_the_nearest_come_first(graph: Graph) -> None:
    def steps(start: str) -> dict[str, int]:
        far, ring = {start: 0}, {start}
        while ring := {used for id_ in ring for used in graph.uses[id_]} - set(far):
            far |= dict.fromkeys(ring, max(far.values()) + 1)
        return far

    for id_ in graph.ids:
        far = steps(id_)
        distances = [far[other] for other in graph.rests_on(id_)]
        assert distances == sorted(distances)


def test_a_circle_comes_to_an_end() -> None:
    graph = Graph(("a.a", "a.b"), (Edge("a.a", "a.b"), Edge("a.b", "a.a")))
    assert graph.rests_on("a.a") == ("a.b",) == graph.falls_with("a.a")


@given(graphs(), st.integers(2, 6))
def test_a_neighbourhood_holds_the_neighbours_and_is_bounded(graph: Graph, most: int) -> None:
    for id_ in graph.ids:
        found = graph.around(id_, most)
        direct = {*graph.uses[id_], *graph.used_by[id_]}
        two = direct | {far for near in direct for far in (*graph.uses[near], *graph.used_by[near])}
        assert found[0] == id_ and len(found) == len(set(found)) <= most
        assert set(found) <= two | {id_}
        assert direct <= set(found) or len(direct) >= most


def test_the_edges_of_the_claims_say_where_they_come_from(library: Library) -> None:
    kinds = {(edge.claim, edge.uses): edge.kind for edge in library.graph.edges}
    assert kinds.keys() == {(claim.id, used) for claim in library.claims.values() for used in claim.uses}
    for (id_, used), kind in kinds.items():
        claim = library.claims[id_]
        quoted = any(used in row.rule.quoted for chain in claim.chains for row in chain if row.rule)
        assert kind == (STEP if quoted else PREMISE if used in claim.premises else WORDS)
    assert {STEP, PREMISE} <= set(kinds.values())


def test_the_reading_order_is_what_the_claims_say_and_no_edge_says(library: Library) -> None:
    graph = library.graph
    said = {(claim.id, earlier) for claim in library.claims.values() for earlier in claim.after}
    used = {(edge.claim, edge.uses) for edge in graph.edges}
    assert {(edge.claim, edge.uses) for edge in graph.order} == said - used and said
    assert {edge.kind for edge in graph.order} == {AFTER}


# ---- the drawing


@settings(max_examples=25, deadline=None)
@given(graphs())
def test_the_map_shows_every_claim_and_every_edge_once_and_nothing_overlaps(graph: Graph) -> None:
    topics: dict[str, list[str]] = {}
    for id_ in graph.ids:
        topics.setdefault(id_[0], []).append(id_)
    found = whole(graph, topics, {"a": "A long title of a topic"}, stale=graph.ids[:1])
    assert sorted(box.id for box in found.boxes) == sorted(graph.ids)
    assert sorted(arrow.edge for arrow in found.arrows) == sorted((*graph.edges, *graph.order))
    panels = {panel.topic: panel for panel in found.panels}
    for box in found.boxes:
        panel = panels[box.id[0]]
        assert panel.x <= box.x and box.x + box.width <= panel.x + panel.width + 0.2
        assert panel.y <= box.y and box.y + HIGH <= panel.y + panel.height + 0.2
    boxes = [(box.x, box.y, box.width, HIGH) for box in found.boxes]
    spaces = [(panel.x, panel.y, panel.width, panel.height) for panel in found.panels]
    for group in (boxes, spaces):
        for number, (x, y, wide, high) in enumerate(group):
            for a, b, width, height in group[:number]:
                assert x + wide <= a + 0.2 or a + width <= x + 0.2 or y + high <= b + 0.2 or b + height <= y + 0.2
    assert all(x + wide <= found.width + 0.2 and y + high <= found.height + 0.2 for x, y, wide, high in spaces)


@settings(max_examples=15, deadline=None)
@given(graphs())
def test_an_arrow_within_a_topic_leads_from_the_used_claim_rightwards_to_the_one_that_uses_it(graph: Graph) -> None:
    for id_ in graph.ids:
        found = around(graph, id_)
        at = {box.id: box for box in found.boxes}
        for arrow in found.arrows:
            start, end = at[arrow.edge.uses], at[arrow.edge.claim]
            numbers = [float(number) for number in re.findall(r"-?\d+", arrow.path)]
            tip = numbers[-4:-2]
            # Layout and path are rounded to whole units, and the line begins outside the outline.
            assert numbers[0] == pytest.approx(start.x + start.width, abs=2)
            assert tip == pytest.approx([end.x, end.y + HIGH / 2], abs=2)
            assert start.x + start.width < end.x


def test_topics_that_others_rest_on_stand_to_the_left() -> None:
    topics = {topic: [f"{topic}.n{number}" for number in range(9)] for topic in "abcd"}
    edges = (Edge("a.n0", "b.n0"), Edge("b.n1", "c.n0"))
    graph = Graph(tuple(id_ for ids in topics.values() for id_ in ids), edges)
    panels = {panel.topic: panel for panel in whole(graph, topics, {}).panels}
    assert panels["c"].x < panels["b"].x < panels["a"].x


def test_the_map_of_the_repository_is_no_wider_than_a_screen(library: Library) -> None:
    topics = {topic: [claim.id for claim in claims] for topic, claims in library.topics.items()}
    for stale in ((), library.claims):  # the sign of a stale claim makes its box wider
        assert whole(library.graph, topics, Shelf(library).topics, stale).width <= WIDE


def test_graphviz_failing_says_so_without_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    from verify.site.graph import layout

    with pytest.raises(RuntimeError, match="Graphviz failed") as caught:
        layout._drawn("{nodes: 7}")
    assert len(str(caught.value)) < 400


# ---- the page


@pytest.fixture(scope="module")
def hostile() -> str:
    graph = Graph(("a.one", "a.two", "b.three"), (Edge("a.two", "a.one"), Edge("b.three", "a.one")))
    return page_of(library_of(graph, HOSTILE))


def test_a_hostile_title_is_text(hostile: str) -> None:
    drawn = hostile[hostile.index("<svg viewBox") : hostile.index("</svg>") + 6]
    tree = etree.fromstring(drawn.replace("&#39;", "&apos;").replace("&#34;", "&quot;"))
    titles = [title.text for title in tree.iter("title")]
    assert len(titles) == 3 and all(HOSTILE in (title or "") for title in titles)
    assert hostile.count("<script") == 1 and "alert(1)</script>" not in hostile


def test_each_verdict_has_its_sign_its_class_and_its_word(hostile: str) -> None:
    many = page_of(library_of(Graph(tuple(f"a.n{number}" for number in range(len(VERDICTS))), ())))
    nodes = re.findall(r'<a class="vd-node vd-(\w+)".*?<title>(.*?)</title>.*?<tspan class="vd-sign">(.)</tspan>', many)
    assert sorted(node[0] for node in nodes) == sorted(VERDICTS)
    assert len({sign for _, _, sign in nodes}) == len(VERDICTS)
    assert all(verdict in title for verdict, title, _ in nodes)


def test_a_large_library_keeps_the_map_and_sheds_the_tables() -> None:
    graph = Graph(tuple(f"a.n{number:04}" for number in range(LARGE + 1)), ())
    graph = replace(graph, edges=tuple(Edge(id_, graph.ids[0]) for id_ in graph.ids[1:]))
    page = page_of(library_of(graph))
    assert page.count('<a class="vd-node') == LARGE + 1 and page.count('<path class="vd-arrow') >= LARGE
    assert "vd-graph-topic" not in page and page.count("<tr>") < 60


@pytest.mark.parametrize("language", ["en", "zh"])
def test_without_scripts_the_tables_say_what_a_click_would(library: Library, language: str) -> None:
    page = page_of(library, language)
    graph = library.graph
    rows = dict(re.findall(r'<tr data-row="([^"]+)">(.*?)</tr>', page, re.S))
    assert rows.keys() == library.claims.keys()
    for id_, row in rows.items():
        above, below = re.findall(r"<td>(.*?)</td>", row, re.S)[1:]
        for ids, cell in ((graph.rests_on(id_), above), (graph.falls_with(id_), below)):
            assert tuple(re.findall(r">([a-z][\w.-]+)</a>", cell)) == ids
            assert (f'<span class="vd-number">{len(ids)}</span>' in cell) == bool(ids)


def test_a_card_has_a_small_graph_where_it_has_an_edge_and_nowhere_else(library: Library) -> None:
    printer = Printer(Shelf(library), "claims/x.html")
    for id_ in library.claims:
        card = printer.render("graph_small", claim=library.claims[id_])
        ends = {end for edge in library.graph.edges for end in (edge.claim, edge.uses)}
        assert ("vd-around" in card) == (id_ in ends)
        assert " id=" not in card  # the same box may stand on a page many times


# ---- in a browser


@pytest.fixture
def graph_page_open(open_page) -> Iterator:
    page = open_page("graph.html")
    page.wait_for_selector("vd-graph[data-ready]")
    return page


def lit(page) -> set[str]:
    return set(page.eval_on_selector_all(".vd-map .vd-node.vd-lit", "nodes => nodes.map(node => node.id)"))


def listed(page) -> list[str]:
    names = page.eval_on_selector_all("[data-list] a", "links => links.map(link => link.textContent)")
    return [name.split(" ")[1] for name in names]


def test_a_click_shows_what_falls_with_the_claim(graph_page_open, library: Library) -> None:
    page, id_ = graph_page_open, "gauss.sum"
    graph = library.graph
    page.locator(f'[id="{id_}"]').click()
    assert page.url.endswith(f"#{id_}")  # chosen, not followed
    near = {*graph.drawn.uses[id_], *graph.drawn.used_by[id_]}
    assert lit(page) == {id_, *near} and set(listed(page)) == near
    modes = (("below", graph.falls_with(id_)), ("above", graph.rests_on(id_)), ("first", graph.drawn.rests_on(id_)))
    for mode, ids in modes:
        page.locator(f"input[value={mode}]").check()
        assert lit(page) == {id_, *ids} and sorted(listed(page)) == sorted(ids)
        assert page.locator(f"[data-count={mode}]").inner_text() == str(len(ids))
        ordered = page.locator(".vd-arrow.vd-by-after.vd-lit").count()
        assert ordered == 0 or mode == "first"  # nothing rests on the reading order
    assert page.locator("[data-card]").get_attribute("href") == f"claims/gauss.html#{id_}"
    page.locator("[data-let-go]").click()
    assert lit(page) == set() and "#" not in page.url


def test_every_claim_has_the_same_reach_in_the_page_and_in_the_library(graph_page_open, library: Library) -> None:
    page, graph = graph_page_open, library.graph
    ends = sorted({end for edge in graph.drawn.edges for end in (edge.claim, edge.uses)})
    found = page.evaluate(
        """ids => ids.map(id => {
          document.getElementById(id).dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true}));
          const count = mode => Number(document.querySelector(`[data-count=${mode}]`).textContent);
          return ["above", "below", "first"].map(count);
        })""",
        ends,
    )
    reaches = (graph.rests_on, graph.falls_with, graph.drawn.rests_on)
    assert found == [[len(reach(id_)) for reach in reaches] for id_ in ends]


def test_find_and_filters_light_what_fits(graph_page_open, library: Library) -> None:
    page = graph_page_open
    page.fill("vd-graph input[type=search]", "MARKOV")
    wanted = {
        id_ for id_, claim in library.claims.items() if "markov" in f"{id_} {' '.join(claim.title.values())}".lower()
    }
    assert lit(page) == wanted and wanted
    assert page.locator("vd-graph output").inner_text().startswith(f"{len(wanted)} ")
    page.keyboard.press("Enter")
    assert page.locator("[data-card]").inner_text() in wanted
    page.fill("vd-graph input[type=search]", "")
    page.select_option("vd-graph select[name=topic]", "edm")
    assert lit(page) == {claim.id for claim in library.topics["edm"]}
    page.select_option("vd-graph select[name=topic]", "")
    page.locator("vd-graph input[value=proved]").uncheck()
    assert lit(page) == {id_ for id_, one in library.standings.items() if one.verdict != "proved"}
    page.fill("vd-graph input[type=search]", "no such claim")
    assert lit(page) == set()


def test_the_map_is_walked_by_keyboard(graph_page_open) -> None:
    page = graph_page_open
    page.locator(".vd-map").focus()
    page.keyboard.press("Tab")
    while not page.evaluate("document.activeElement.matches('.vd-node, button')"):
        page.keyboard.press("Tab")  # the names of the topics are links too
    assert page.locator(".vd-node[tabindex='0']").count() == 1
    page.locator(".vd-node[tabindex='0']").focus()
    box = "document.activeElement.querySelector('rect').getBBox()"
    place = f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])({box})"
    for key, axis, sign in (("ArrowDown", 1, 1), ("ArrowUp", 1, -1), ("ArrowRight", 0, 1), ("ArrowLeft", 0, -1)):
        before = page.evaluate(place)
        page.keyboard.press(key)
        assert (page.evaluate(place)[axis] - before[axis]) * sign > 0, key
    start = page.evaluate("document.activeElement.id")
    wide = page.evaluate("document.querySelector('.vd-map svg').clientWidth")
    page.keyboard.press("+")
    assert page.evaluate("document.querySelector('.vd-map svg').clientWidth") == pytest.approx(1.25 * wide, rel=0.01)
    page.keyboard.press("0")
    assert page.evaluate("document.querySelector('.vd-map svg').clientWidth") <= wide
    page.keyboard.press("Enter")
    assert page.locator("[data-card]").inner_text() == start
    page.keyboard.press("Escape")
    assert page.locator("[data-shown]").is_hidden()


def test_buttons_and_wheel_zoom_about_a_point(graph_page_open) -> None:
    page = graph_page_open
    width = lambda: page.evaluate("document.querySelector('.vd-map svg').clientWidth")
    before = width()
    box = page.locator('[id="gauss.sum"] rect').bounding_box()
    point = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*point)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_function(f"document.querySelector('.vd-map svg').clientWidth > {1.3 * before}")
    under = page.evaluate("([x, y]) => document.elementFromPoint(x, y)?.closest('.vd-node')?.id", point)
    assert under == "gauss.sum"
    page.locator("[data-zoom=out]").click()
    assert width() < 1.8 * before
    page.locator("[data-zoom=fit]").click()
    shown = page.evaluate("(({clientWidth: w, clientHeight: h}) => [w, h])(document.querySelector('.vd-map'))")
    assert width() <= shown[0] + 1 and page.locator(".vd-map svg").bounding_box()["height"] <= shown[1] + 1


@pytest.mark.parametrize("fragment", ["#no.such", "#<img src=x onerror=alert(1)>", "#%E0%A4%A", "#" + "a" * 5000])
def test_a_fragment_that_names_no_claim_changes_nothing(open_page, fragment: str) -> None:
    page = open_page("graph.html" + fragment)
    page.wait_for_selector("vd-graph[data-ready]")
    assert page.locator("[data-shown]").is_hidden() and page.locator("img[src=x]").count() == 0


def test_without_scripts_the_map_scrolls_and_its_boxes_are_links(open_page, library: Library) -> None:
    page = open_page("zh/graph.html", width=390, height=844, java_script_enabled=False)
    assert page.locator(".vd-map .vd-node").count() == len(library.claims)
    assert page.locator("vd-graph form").is_hidden() and page.locator(".vd-zoom").is_hidden()
    page.locator('[id="gauss.sum"]').click()
    page.wait_for_url("**/zh/claims/gauss.html#gauss.sum")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_boxes_and_signs_stand_out_from_their_ground(open_page, scheme: str) -> None:
    page = open_page("graph.html", width=390, height=844, scheme=scheme)
    page.wait_for_selector("vd-graph[data-ready]")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390  # the map scrolls, the page does not
    colours = page.evaluate(
        """() => [...document.querySelectorAll(".vd-graph-legend rect, .vd-node .vd-sign, .vd-node text")].map(part => {
            const style = getComputedStyle(part), ground = getComputedStyle(document.body).backgroundColor;
            return [part.tagName === "rect" ? style.stroke : style.fill, ground, part.tagName];
        })"""
    )
    assert {tag for *_, tag in colours} == {"rect", "tspan", "text"}
    for colour, ground, tag in set(map(tuple, colours)):
        assert contrast(colour, ground) >= (3 if tag == "rect" else 4.5), (colour, ground, tag)


def contrast(one: str, other: str) -> float:
    """WCAG's ratio of two colours `rgb(r, g, b)`."""

    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
