"""The documents for programs: each fits its published schema, says what the library says, and has a fixed order."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import jsonschema
import pytest

from tests.site.conftest import ROOT
from verify.site.contents.model import Library
from verify.site.programs.data import SCHEMAS, documents, write

NAMES = ("claims.json", "graph.json", "ledger.json")


def schema(name: str) -> dict:
    return json.loads((ROOT / "docs" / SCHEMAS / name).read_text("utf-8"))


def breaches(name: str, document: dict) -> list[str]:
    """What the published schema says against a document."""
    found = jsonschema.Draft202012Validator(schema(name)).iter_errors(document)
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in found]


@pytest.fixture(scope="module")
def data(library: Library, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """The documents as they are read back from the site's folder."""
    folder = tmp_path_factory.mktemp("data")
    write(folder, library)
    return {name: json.loads((folder / name).read_text("utf-8")) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_each_document_fits_its_schema(data: dict[str, dict], name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(name))
    assert breaches(name, data[name]) == []
    assert data[name]["schema"] == f"{SCHEMAS}/{name}"


@pytest.mark.parametrize("name", NAMES)
def test_the_documents_of_the_ledger_as_it_is_fit_too(name: str) -> None:
    assert breaches(name, json.loads(json.dumps(documents(Library.load(ROOT))[name]))) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_field_is_in_the_schema(data: dict[str, dict], name: str) -> None:
    """Readers may meet fields which they do not know; those that there are, the schema explains."""
    strict = closed(schema(name))
    found = jsonschema.Draft202012Validator(strict).iter_errors(data[name])
    assert [error.message for error in found] == []


def closed(part):
    """The schema with every object shut to fields that it does not name."""
    if isinstance(part, list):
        return [closed(item) for item in part]
    if not isinstance(part, dict):
        return part
    shut = {key: closed(value) for key, value in part.items()}
    if "properties" in shut and "additionalProperties" not in shut and shut.get("type") == "object":
        shut["additionalProperties"] = False
    return shut


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("claims.json", ("claims", 0, "verdict"), "true"),
        ("claims.json", ("claims", 0, "id"), "EDM precond"),
        ("claims.json", ("claims", 0, "title"), {"zh": "只有中文"}),
        ("claims.json", ("claims", 0, "address"), "https://elsewhere/claims/edm.html"),
        ("claims.json", ("claims", 0, "routes"), {"proof": "maybe"}),
        ("claims.json", ("claims", 0, "uses"), ["gauss.sum", "gauss.sum"]),
        ("claims.json", ("claims", 0, "stale"), "no"),
        ("claims.json", ("former", 0, "state"), "lost"),
        ("claims.json", ("version",), 2),
        ("graph.json", ("nodes", 0, "falls_with"), -1),
        ("graph.json", ("nodes", 0, "verdict"), None),
        ("graph.json", ("edges", 0, "kind"), "guess"),
        ("graph.json", ("edges", 0, "uses"), 7),
        ("graph.json", ("schema",), "reference/schema/claims.json"),
        ("ledger.json", ("claims", "edm.precond", "proof", "verdict"), "done"),
        ("ledger.json", ("claims", "edm.precond", "proof", "steps", 0, "step"), 0),
        ("ledger.json", ("claims", "edm.precond"), []),
    ],
)
def test_a_fault_in_a_document_is_noticed(data: dict[str, dict], name: str, path: tuple, value: object) -> None:
    document = copy.deepcopy(data[name])
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert breaches(name, document)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_field_is_noticed(data: dict[str, dict], name: str) -> None:
    document = copy.deepcopy(data[name])
    key = {"claims.json": "claims", "graph.json": "nodes"}.get(name)
    if key:
        document[key] = document[key][:1]
        for field in list(document[key][0]):
            planted = copy.deepcopy(document)
            del planted[key][0][field]
            assert breaches(name, planted), field
    else:
        del document["claims"]["edm.precond"]["proof"]["verdict"]
        assert breaches(name, document)


def test_the_order_is_that_of_the_ids(data: dict[str, dict], library: Library) -> None:
    ids = sorted(library.claims)
    assert [claim["id"] for claim in data["claims.json"]["claims"]] == ids
    assert [node["id"] for node in data["graph.json"]["nodes"]] == ids
    assert list(data["ledger.json"]["claims"]) == ids
    edges = [(edge["claim"], edge["uses"]) for edge in data["graph.json"]["edges"]]
    assert edges == sorted(set(edges)) and edges


def test_two_builds_give_the_same_files(library: Library, tmp_path: Path) -> None:
    again = Library(
        dict(reversed(library.claims.items())), library.entries, library.standings, register=library.register
    )
    for name, made in (("one", library), ("two", again)):
        (tmp_path / name).mkdir()
        write(tmp_path / name, made)
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in NAMES)


def test_the_documents_agree_with_each_other(data: dict[str, dict]) -> None:
    claims = {claim["id"]: claim for claim in data["claims.json"]["claims"]}
    edges = {(edge["claim"], edge["uses"]) for edge in data["graph.json"]["edges"]}
    assert edges == {(id_, used) for id_, claim in claims.items() for used in claim["uses"]}
    assert edges == {(user, id_) for id_, claim in claims.items() for user in claim["used_by"]}
    order = {(one["claim"], one["after"]) for one in data["graph.json"]["order"]}
    assert order == {(id_, earlier) for id_, claim in claims.items() for earlier in claim["after"]} - edges and order
    for node in data["graph.json"]["nodes"]:
        assert all(node[field] == claims[node["id"]][field] for field in ("title", "topic", "verdict", "address"))


@pytest.mark.parametrize("page", ["docs/reference/json.md", "docs/zh/reference/json.md"])
def test_the_page_on_json_names_every_document_and_kind_of_edge(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    kinds = schema("graph.json")["$defs"]["edge"]["properties"]["kind"]["enum"]
    fields = schema("graph.json")["$defs"]["node"]["properties"]
    for name in (*NAMES, *kinds, *fields):
        assert re.search(rf"`{re.escape(name)}`", text), name
