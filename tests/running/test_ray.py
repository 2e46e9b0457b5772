"""The Ray engine on a local cluster of two nodes: nodes die, workers die, tasks crash; the ledger is the same."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")

from tests.running.repository import make, verdicts
from verify.commands.judging import execute
from verify.language.catalog import load_catalog
from verify.ledger.store import Ledger
from verify.running.engine import EngineError, OurError
from verify.running.judge import judge_claims
from verify.running.measure import measure
from verify.running.options import Place, Wanted
from verify.running.ray import Cluster

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]
MANY = 1000  # more than are judged between two looks at the ledger
CLAIMS = 8
SMALL = {"object_store_memory": 100_000_000}
EXPERIMENT = "edm-initial-loss"  # one that samples, and is short


@pytest.fixture(scope="module")
def nodes():
    """A head that runs nothing and a node that stays; tests add the nodes that they kill."""
    from ray.cluster_utils import Cluster as LocalNodes

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    cluster = LocalNodes(initialize_head=True, head_node_args={"num_cpus": 0, **SMALL})
    cluster.add_node(num_cpus=1, **SMALL)
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="module")
def engine(nodes):
    with Cluster(nodes.address) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The repository judged by the local engine: what every other engine must find."""
    folder = make(tmp_path_factory.mktemp("here"), CLAIMS)
    execute(folder, Wanted(experiments=False), Place(jobs=1))
    return verdicts(folder)


def test_a_node_killed_in_mid_run_loses_nothing(nodes, engine, here, tmp_path):
    doomed = nodes.add_node(num_cpus=1, **SMALL)
    workers = set()
    while len(workers) < 2:  # until both nodes take part
        workers |= {engine.outcome(future) for future in [engine.submit(os.getppid) for _ in range(20)]}
    folder = make(tmp_path, CLAIMS)
    catalog, ledger = load_catalog(folder), Ledger(folder)
    killed = []

    def kill(done, total, what):
        if not killed and done >= 0.3 * total:
            killed.append(total - done)
            nodes.remove_node(doomed, allow_graceful=False)

    report = judge_claims(catalog.claims.values(), ledger, engine, progress=kill)
    assert killed and killed[0] > 0, "the node was to die with tasks still open"
    assert (len(report.judged), report.crashes) == (CLAIMS, {})
    assert verdicts(folder) == here


def test_a_worker_that_dies_is_replaced_and_its_task_runs_again(engine, tmp_path):
    """The task's own process is a child of Ray's worker; the first time it kills that worker."""
    script = f"test -e {tmp_path}/once && exit 0; touch {tmp_path}/once; kill -9 $(cut -d' ' -f4 /proc/$PPID/stat)"
    assert engine.outcome(engine.submit(subprocess.call, ["sh", "-c", script])) == 0
    assert (tmp_path / "once").exists()


def test_a_crash_of_ours_is_told_and_not_tried_again(engine, tmp_path):
    future = engine.submit(subprocess.check_call, ["sh", "-c", f"echo ran >> {tmp_path}/log; exit 1"])
    with pytest.raises(OurError, match="CalledProcessError"):
        engine.outcome(future)
    assert (tmp_path / "log").read_text() == "ran\n"


def test_the_bounds_of_one_machine_hold_on_a_node(engine):
    slow = engine.outcome(engine.submit(time.sleep, 60, seconds=0.5))
    large = engine.outcome(engine.submit(bytearray, 10**11))
    assert slow == {"verdict": "undecided", "why": "stopped after 0.5 s"}
    assert large["verdict"] == "undecided" and "memory bound" in large["why"]
    assert engine.outcome(engine.submit(divmod, 7, 2)) == (3, 1)  # the node goes on


def test_a_node_with_other_code_is_refused(engine, monkeypatch):
    monkeypatch.setattr(engine, "expected", "other judges")
    with pytest.raises(EngineError, match="other code or other library versions"):
        engine.outcome(engine.submit(divmod, 7, 2))


def test_an_experiment_leaves_the_record_that_it_leaves_here(engine):
    (there,), (here,) = list(measure([EXPERIMENT], cluster=engine)), list(measure([EXPERIMENT]))
    there, here = (replace(outcome, record=replace(outcome.record, seconds=0.0, date="")) for outcome in (there, here))
    assert there == here


def test_a_gpu_that_no_node_has_is_one_sentence(engine):
    with pytest.raises(EngineError, match="the cluster has no GPU"):
        list(measure([EXPERIMENT], device="cuda", cluster=engine))


def test_the_judge_does_not_wait_for_a_cluster_without_nodes(engine, monkeypatch):
    monkeypatch.setattr(engine.ray, "cluster_resources", dict)
    with pytest.raises(EngineError, match="no node of the cluster is left"):
        engine.check()


def in_repository(folder, *arguments, **options):
    code = (
        f"import os, sys; from verify.cli import main; os.chdir({str(folder)!r}); sys.exit(main({list(arguments)!r}))"
    )
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **options)  # fmt: skip


class TestCommand:
    def test_it_writes_the_same_ledger_and_nothing_else_on_its_output_when_a_node_dies(self, nodes, here, tmp_path):
        doomed = nodes.add_node(num_cpus=1, **SMALL)
        folder = make(tmp_path, CLAIMS)
        process = in_repository(folder, "run", "--on", "ray", "--address", nodes.address, "--no-experiments", "--json")
        while process.poll() is None and not verdicts(folder):
            time.sleep(0.05)
        nodes.remove_node(doomed, allow_graceful=False)
        output, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert said == f"judged {CLAIMS} claims, measured 0 experiments in this run\n"
        assert json.loads(output)["counts"]["claims"] == CLAIMS
        assert verdicts(folder) == here

    def test_an_interrupted_run_keeps_what_it_did_and_frees_the_cluster(self, nodes, engine, here, tmp_path):
        folder = make(tmp_path, MANY)
        process = in_repository(folder, "run", "--on", "ray", "--address", nodes.address, "--no-experiments",
                                start_new_session=True)  # fmt: skip
        watch = threading.Timer(120, process.kill)
        watch.start()
        while process.poll() is None and len(verdicts(folder)) < 2:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
        watch.cancel()
        assert process.returncode == 130, said
        assert "Traceback" not in said and "kept in the ledger" in said
        kept = verdicts(folder)
        assert 2 <= len(kept) < MANY
        assert all(entry == here[name] for name, entry in kept.items() if name in here)
        assert engine.outcome(engine.submit(divmod, 7, 2)) == (3, 1)  # nothing of the lost run holds the CPU

    @pytest.mark.parametrize("address", ["nonsense", "host:", ":6379", "host:0", "host:99999", "ray://host"])
    def test_an_address_that_is_none(self, address):
        with pytest.raises(EngineError, match="write HOST:PORT"):
            Cluster(address)

    def test_a_port_where_nobody_listens(self, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        folder = make(tmp_path, 1)
        process = in_repository(folder, "run", "--on", "ray", "--address", f"127.0.0.1:{port}", "--no-experiments")
        _, said = process.communicate(timeout=60)
        assert process.returncode == 2
        assert said.splitlines() == [
            f"no cluster answers at 127.0.0.1:{port} (connection refused); is its head node running?"
        ]

    @pytest.mark.parametrize("answer", [b"", b"HTTP/1.0 400 Bad request\r\n\r\n", b"SSH-2.0-OpenSSH_9.6\r\n"])
    def test_a_port_where_something_else_listens(self, answer, monkeypatch):
        monkeypatch.setattr("verify.running.ray.CONNECT_SECONDS", 0.5)
        with socket.create_server(("127.0.0.1", 0)) as server:
            threading.Thread(target=lambda: server.accept()[0].sendall(answer), daemon=True).start()
            with pytest.raises(EngineError, match="is not Ray"):
                Cluster(f"127.0.0.1:{server.getsockname()[1]}")

    def test_a_cluster_that_wants_a_token_is_shown_the_users_and_then_says_what_is_missing(self, monkeypatch):
        monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
        asked = []

        def refused(address):
            asked.append(os.environ.get("RAY_AUTH_MODE"))
            return subprocess.CompletedProcess([], 1, "", "Unauthenticated: InvalidAuthToken: missing or incorrect")

        monkeypatch.setattr("verify.running.ray._probe", refused)
        with pytest.raises(EngineError, match="wants its token"):
            Cluster("auto")
        assert asked == [None, "token"]
        del os.environ["RAY_AUTH_MODE"]

    def test_ray_that_is_not_installed(self, monkeypatch):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(EngineError, match=r"pip install 'verified-diffusion\[ray\]'"):
            Cluster()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--address", "head:6379"], "add --on ray"),
            (["--on", "ray", "--jobs", "3"], "--jobs counts processes of this machine"),
        ],
    )
    def test_options_that_do_not_go_together(self, arguments, message, capsys):
        from verify.cli import main

        assert main(["run", *arguments]) == 2
        assert message in capsys.readouterr().err
