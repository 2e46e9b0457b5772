"""The engine of many machines: an existing Ray cluster, or a Ray started for this run alone.

Ray schedules, moves tasks off nodes that die and pins GPUs; the bounds on time and memory are ours (`remote.bounded`).
"""

from __future__ import annotations

import importlib.util
import json
import logging
import math
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Self

from verify.running import remote
from verify.running.engine import AHEAD, SECONDS, EngineError, OurError

RETRIES = 10  # of a task whose worker or node died; what the task itself says is never asked twice
CONNECT_SECONDS, ANSWER_SECONDS = 3.0, 60.0  # a busy head may take long to let one in, but not to say what it is
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))  # HTTP/2's preface, empty SETTINGS
_SETTINGS = 4
_ENVIRONMENT = {  # read by Ray when it is imported
    "RAY_USAGE_STATS_ENABLED": "0",  # a Ray started here reports to nobody
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # a lost node's log does not belong on our standard output, which may be JSON
}
_PROBE = "import json, sys, ray; ray.init(sys.argv[1], log_to_driver=False); print(json.dumps(ray.cluster_resources()))"


class Cluster:
    """The engine `--on ray`. `address` is HOST:PORT or ray://HOST:PORT of a head node.

    Without an address: the cluster that RAY_ADDRESS names, else the one running here, else one started for this run.
    EngineError (one sentence) when Ray is not installed or nothing answers.
    """

    ahead = AHEAD

    def __init__(self, address: str | None = None) -> None:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        if importlib.util.find_spec("ray") is None:
            raise EngineError("--on ray needs Ray, which is not installed: pip install 'verified-diffusion[ray]'")
        address = address or os.environ.get("RAY_ADDRESS")
        if address:
            _require_an_answer(address)
        import ray  # after what it reads from the environment is settled

        self.ray = ray
        try:
            ray.init(address or None, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # versions that differ, a missing client: Ray says which
            raise EngineError(f"Ray could not be started: {str(error).splitlines()[0]}") from error
        self.bounded = ray.remote(remote.bounded).options(num_cpus=1, max_retries=RETRIES)
        self.expected = remote.judges()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Ends this run's tasks, open ones included; the cluster stays."""
        self.ray.shutdown()

    def submit(self, function: Callable[..., Any], *arguments: Any, seconds: float = SECONDS) -> Future[Any]:
        """Run `function(*arguments)` on some node with one CPU, bounded as on one machine."""
        return self.bounded.remote(function, arguments, seconds, self.expected).future()

    def measure(self, name: str, device: str, dtype: str, seed: int) -> Future[Any]:
        """Run an experiment on some node: a whole GPU with `device` cuda, else the CPU threads it would have here.

        EngineError when the cluster has no GPU.
        """
        import torch

        threads = torch.get_num_threads()
        cpus, gpus = threads, 0
        if device.startswith("cuda"):
            cpus, gpus = 1, 1
            if not self.ray.cluster_resources().get("GPU"):
                raise EngineError(f"the cluster has no GPU, and --device {device} needs one; {self.size()}")
        most = max(node["Resources"].get("CPU", 0) for node in self.ray.nodes() if node["Alive"])
        task = self.ray.remote(remote.measured).options(
            num_cpus=min(cpus, math.floor(most)), num_gpus=gpus, max_retries=RETRIES
        )
        return task.remote(name, device, dtype, seed, threads).future()

    def outcome(self, future: Future[Any], seconds: float = SECONDS) -> dict[str, Any]:
        """The answer of a finished future. OurError when the task crashed, EngineError when no node could run it."""
        try:
            answer = future.result()
        except Exception as error:  # tasks never raise: this is a node, or the code on it
            raise EngineError(f"a node could not run a task: {_last_line(error)}") from error
        if "differs" in answer:
            raise EngineError(
                f"the node {answer['differs']} has other code or other library versions than this machine; "
                "install the same on all (pip install -c constraints.txt)"
            )
        if "crash" in answer:
            raise OurError(answer["crash"])
        return answer.get("result", answer)

    def check(self) -> None:
        """Raises EngineError when no node with a CPU is left."""
        if not self.ray.cluster_resources().get("CPU"):
            raise EngineError("no node of the cluster is left; what is done is kept, the next run goes on from there")

    def size(self) -> str:
        """What the cluster has, in words."""
        has = self.ray.cluster_resources()
        alive = sum(node["Alive"] for node in self.ray.nodes())
        return f"it has {alive} nodes, {has.get('CPU', 0):g} CPUs and {has.get('GPU', 0):g} GPUs"


def _last_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()


def _require_an_answer(address: str) -> None:
    """EngineError within seconds when no Ray answers at `address`.

    Ray itself tries for more than a minute and then ends the whole process, so another process asks first.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address != "auto":
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise EngineError(f"{address!r} is no address of a cluster: write HOST:PORT or ray://HOST:PORT")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS) as connection:
                speaks = _speaks_http2(connection)
        except OSError as error:
            why = "no answer" if isinstance(error, TimeoutError) else (error.strerror or str(error)).lower()
            raise EngineError(f"no cluster answers at {address} ({why}); is its head node running?") from error
        if not speaks and os.environ.get("RAY_USE_TLS") != "1":
            raise EngineError(
                f"what listens at {address} is not Ray; is that the port of its head node (usually 6379, or 10001 for "
                "ray://)?"
            )
    found = _probe(address)
    if found.returncode and "AuthToken" in found.stderr and "RAY_AUTH_MODE" not in os.environ:
        os.environ["RAY_AUTH_MODE"] = "token"  # the cluster wants the user's token, which Ray shows only when told to
        found = _probe(address)
    if found.returncode and "AuthToken" in found.stderr:
        raise EngineError(f"the cluster at {address} wants its token: put it into ~/.ray/auth_token or RAY_AUTH_TOKEN")
    if found.returncode:
        said = [line for line in found.stderr.splitlines() if line.strip()]
        raise EngineError(f"Ray at {address} refused: {said[-1] if said else found.returncode}")
    if not json.loads(found.stdout.splitlines()[-1]).get("CPU"):
        raise EngineError(f"the cluster at {address} has no node with a CPU; start one: ray start --address {address}")


def _probe(address: str) -> subprocess.CompletedProcess[str]:
    """Another process that connects to the cluster, says what it has, and leaves."""
    try:
        return subprocess.run(
            [sys.executable, "-c", _PROBE, address], capture_output=True, text=True, timeout=ANSWER_SECONDS,
            env={**os.environ, "RAY_NUM_REDIS_GET_RETRIES": "2"},
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"the cluster at {address} did not let us in within {ANSWER_SECONDS:g} s") from error


def _speaks_http2(connection: socket.socket) -> bool:
    """Does the other side greet as gRPC does, on which Ray rests: with a SETTINGS frame?"""
    connection.settimeout(CONNECT_SECONDS)
    try:
        connection.sendall(_HELLO)
        return connection.recv(9)[3:4] == bytes((_SETTINGS,))
    except OSError:
        return False
