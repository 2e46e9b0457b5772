"""Recording a run: what can be known without a GPU."""

import pytest
import torch

from verify.experiments.capture import Captured, capture, survey
from verify.experiments.latents import Latents
from verify.experiments.oracles import DataSet, Gaussian, Mixture
from verify.experiments.samplers import churn, euler, heun

SIGMAS = [10.0, 3.0, 1.0, 0.3, 0.0]
NOISES = [Latents(1).normal(f"n{i}", 4, 2) for i in range(4)]


def targets():
    points = Latents(2).normal("p", 9, 2)
    return {
        "gaussian": Gaussian(points[0], points[1].square()),
        "mixture": Mixture(torch.ones(3), points[:3], 0.1 * torch.ones(3, 2)),
        "data": DataSet(points),
        "rescored": DataSet(points, rescore=4),
    }


@pytest.mark.parametrize("name", ["gaussian", "mixture", "data", "rescored"])
def test_no_sampler_and_no_oracle_waits_for_the_device(name):
    denoise = targets()[name].denoise
    x = Latents(3).normal("x", 4, 2)
    for run in (
        lambda x, *noises: euler(denoise, x, SIGMAS),
        lambda x, *noises: heun(denoise, x, SIGMAS),
        lambda x, *noises: churn(denoise, x, SIGMAS, lambda i: noises[i], 20.0),
    ):
        assert survey(run, x, *NOISES).waits == []


def test_waiting_is_seen_and_named():
    def norm_in_the_loop(x):
        for _ in range(3):
            x = x * min(1.0, float(x.norm()))
        return x

    def branch(x):
        return x if bool((x > 0).all()) else -x

    def picked(x):
        return x[x > 0]

    x = Latents(3).normal("x", 4, 2)
    assert len(survey(norm_in_the_loop, x).waits) == 3
    assert survey(branch, x).waits and survey(picked, x).waits
    with pytest.raises(ValueError, match=r"waits for the device 3 times \(aten::_local_scalar_dense\)"):
        capture(norm_in_the_loop, x)


def test_on_the_cpu_the_run_comes_back_with_the_reason():
    denoise = targets()["mixture"].denoise
    x = Latents(3).normal("x", 4, 2)
    ready = capture(lambda x: heun(denoise, x, SIGMAS), x)
    assert "CUDA" in ready.reason and ready.graph is None
    assert torch.equal(ready(x), heun(denoise, x, SIGMAS))


def test_a_recorded_run_refuses_other_shapes_and_gives_fresh_tensors():
    """The replay with a stand-in graph that doubles its input: what the wrapper itself must do."""
    place, output = torch.zeros(4, 2), torch.zeros(4, 2)

    class Doubling:
        def replay(self):
            output.copy_(2 * place)

    ready = Captured(lambda x: 2 * x, graph=Doubling(), inputs=(place,), output=output)
    first = ready(torch.ones(4, 2))
    second = ready(torch.full((4, 2), 3.0))
    assert float(first[0, 0]) == 2 and float(second[0, 0]) == 6
    with pytest.raises(ValueError, match=r"recorded for shapes \[\(4, 2\)\], not \[\(5, 2\)\]"):
        ready(torch.ones(5, 2))
