"""The examination of a sampler: ours pass, wrong ones are named with what is wrong about them."""

import contextlib
import io
import math
import re
from functools import partial
from pathlib import Path

import pytest
import torch

from verify.experiments import examine
from verify.experiments.samplers import ancestral, churn, ddim, euler, heun, sde_dpmpp_2m, two_stage
from verify.experiments.samplers.common import steps
from verify.experiments.samplers.multistep import dpmpp_2m, dpmpp_3m, multistep
from verify.theory.solver.experiments import mistakes
from verify.theory.solver.experiments.orders import inverted_2m

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("sampler", "order"), [(euler, 1), (heun, 2), (two_stage, 2), (dpmpp_2m, 2), (dpmpp_3m, 3)])
def test_a_right_sampler_passes_and_its_order_is_told(sampler, order):
    found = examine.deterministic(sampler, order)
    assert found["run"].low <= order <= found["run"].high
    assert found["step"].low <= order + 1 <= found["step"].high


def thirds(denoise, x, sigmas):
    """Heun's method with the weights 1/3 and 2/3."""
    for t, after in steps(sigmas):
        d = (x - denoise(x, t)) / t
        y = x + (after - t) * d
        x = x + (after - t) * (d / 3 + 2 / 3 * (y - denoise(y, after)) / after) if after > 0 else y
    return x


def halves(denoise, x, sigmas):
    """Heun's method with weights that sum to 3/4."""
    for t, after in steps(sigmas):
        d = (x - denoise(x, t)) / t
        y = x + (after - t) * d
        x = x + (after - t) * (d / 4 + (y - denoise(y, after)) / after / 2) if after > 0 else y
    return x


def third_released(denoise, x, sigmas):
    return multistep(denoise, x, sigmas, mistakes.DATA, 3, mistakes.third_term(1.0))


@pytest.mark.parametrize(
    ("sampler", "order", "words"),
    [
        (thirds, 2, r"the error of a run falls like the power 1\.\d+ of the step"),
        (halves, 2, r"the error of a run falls like the power -?0\.\d+ of the step"),
        (heun, 3, r"the error of a run falls like the power 2\.00 of the step \(between .*\), and order 3 needs 3"),
        (third_released, 3, r"falls like the power 1\.9\d of the step"),
        (inverted_2m, 2, r"the error of one step falls like the power 1\.9\d .* and order 2 needs 3"),
        (lambda d, x, s: mistakes.swapped_weights(d, x, s, 1.0), 2, "gives nan on 5 steps from 5 to 0"),
        (lambda d, x, s: mistakes.full_logsnr(d, x, s), 1, "fails on 5 steps from 5 to 0: float division by zero"),
        (lambda d, x, s: x.mul_(0.5), 1, "changes its argument x in place"),
        (lambda d, x, s: x[:, :1], 1, r"gives \(16, 1\) of torch.float64 for \(16, 2\)"),
        (lambda d, x, s: x.float(), 1, "of torch.float32 for"),
        (lambda d, x, s: x.tolist(), 1, "gives a list, not a tensor"),
        (lambda d, x, s: heun(d, x, s) - x.mean(0), 2, "a row of the result depends on the other rows"),
        (lambda d, x, s: x + torch.randn_like(x), 1, "from one start differ: the sampler draws random numbers"),
    ],
)
def test_a_wrong_sampler_is_refused_with_the_reason(sampler, order, words):
    with pytest.raises(examine.Fault, match=words):
        examine.deterministic(sampler, order)


def test_a_sampler_that_cannot_reach_zero_is_examined_above_it():
    examine.deterministic(lambda d, x, s: mistakes.swapped_weights(d, x, s, 0.5), 1, to_zero=False)


def doubled_noise(denoise, x, sigmas, noise):
    """DDIM at eta = 1/2 whose fresh noise has twice the variance that its step makes room for."""
    for i, (t, after) in enumerate(steps(sigmas)):
        fresh = 0.25 * after**2 * (1 - (after / t) ** 2)
        x = torch.lerp(denoise(x, t), x, math.sqrt(after**2 - fresh) / t) + math.sqrt(2 * fresh) * noise(i)
    return x


def eta_of_the_variance(denoise, x, sigmas, noise):
    """DDIM with eta in the place of its square: every marginal is right, and eta is another one."""
    for i, (t, after) in enumerate(steps(sigmas)):
        fresh = 0.5 * after**2 * (1 - (after / t) ** 2)
        x = torch.lerp(denoise(x, t), x, math.sqrt(after**2 - fresh) / t) + math.sqrt(fresh) * noise(i)
    return x


half = partial(ddim, eta=0.5)


@pytest.mark.parametrize(
    ("sampler", "order"),
    [
        (ancestral, 1),
        (half, 1),
        (eta_of_the_variance, 1),
        (partial(churn, s_churn=3.0), 1),
        (partial(sde_dpmpp_2m, eta=1.0), 2),
    ],
)
def test_the_law_of_a_right_sampler_passes(sampler, order):
    found = examine.stochastic(sampler, order)
    assert found.low > order - 0.25


@pytest.mark.parametrize(
    ("sampler", "words"),
    [
        (doubled_noise, r"the distance of its law from the right one falls like the power -?0\.\d+ of the step"),
        (lambda d, x, s, n: ancestral(d, x, s, n) + 0.01, "the distance of its law"),
        (lambda d, x, s, n: ancestral(d, x, s, lambda i: n(i - 1)), r"asks for noise\(-1\)"),
        (lambda d, x, s, n: ancestral(d, x, s, lambda i: n(i).abs()), "not linear in x, D and its noise"),
        (lambda d, x, s, n: ancestral(d, x, s, lambda i: n(i) ** 3), "not linear in x, D and its noise"),
        (lambda d, x, s, n: ancestral(d, x, s, lambda i: torch.randn_like(x)), "draws random numbers of its own"),
    ],
)
def test_a_wrong_law_is_refused_with_the_reason(sampler, words):
    with pytest.raises(examine.Fault, match=words):
        examine.stochastic(sampler)


def test_a_sampler_is_compared_with_another_step_by_step():
    examine.alike(heun, partial(two_stage, alpha=1.0))
    examine.alike(half, half, draws=True)
    with pytest.raises(examine.Fault, match=r"differ in step 2, from sigma = \S+ to \S+, by"):
        examine.alike(inverted_2m, dpmpp_2m)
    with pytest.raises(examine.Fault, match=r"keeps 0\.\d+ of x - mean and adds 1\.75762 z.* adds 1\.24283 z"):
        examine.alike(eta_of_the_variance, half, draws=True)


@pytest.mark.parametrize("page", ["docs/contribute/experiments.md", "docs/zh/contribute/experiments.md"])
def test_the_page_shows_what_its_code_says(page):
    blocks = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    assert len(blocks) >= 4
    for code, shown in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), pytest.raises(examine.Fault) as refused:
            exec(compile(code, page, "exec"), {})  # noqa: S102 - our own page
        assert f"{printed.getvalue()}Fault: {refused.value}".split() == shown.split()  # the page breaks its lines
