"""Products of rows with a data set on every path, and the Triton kernel: correct, and without spills on sm_90."""

import importlib.util
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.experiments.kernels import products
from verify.experiments.kernels.products import combine, dots, pieces
from verify.experiments.latents import Latents

ROOT = Path(__file__).parents[2]
needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="triton is not installed here: pip install -e '.[kernels]'"
)


def relative(found, truth):
    return float((found.double() - truth).norm() / truth.norm())


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32), points=st.integers(1, 9), rows=st.integers(1, 4))
def test_blocks_change_nothing(seed, points, rows):
    """With a block of two points: every table is cut, whatever its size."""
    latents = Latents(seed)
    table, x = latents.normal("t", points, 5), latents.normal("x", rows, 5)
    weights = latents.uniform("w", rows * points).reshape(rows, points)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "BLOCK", 2)
        assert torch.allclose(dots(x, table), x @ table.T, rtol=1e-12, atol=1e-12)
        assert torch.allclose(combine(weights, table), weights @ table, rtol=1e-12, atol=1e-12)
        half, narrow = table.half(), x.half()
        assert relative(dots(narrow, half), narrow.double() @ half.double().T) < 1e-6
        assert relative(combine(weights.half(), half), weights.half().double() @ half.double()) < 1e-6


@pytest.mark.parametrize(("dtype", "bits"), [(torch.float16, 22), (torch.bfloat16, 16)])
def test_two_pieces_hold_twice_the_bits(dtype, bits):
    """Down to five powers of ten below the largest, where the second piece meets float16's smallest numbers."""
    values = 2.0**15 * Latents(1).uniform("v", 4000).reshape(4, 1000) ** 8
    first, second = pieces(values, dtype).double().chunk(2)
    kept = values > 2.0**-2
    assert float(((first + second - values).abs() / values)[kept].max()) <= 2.0**-bits
    assert float(((first - values).abs() / values)[kept].max()) > 2.0 ** -(bits // 2 + 2)
    assert bool(first.isfinite().all())


def test_the_fast_product_is_used_only_while_it_is_float32(monkeypatch):
    """A processor whose "medium" is bfloat16 reports an error of 1e-3, and keeps the default product."""
    table, seen = Latents(2, dtype=torch.float32).normal("t", 8, 4), []
    monkeypatch.setattr(products, "onednn_error", lambda: seen.append(torch.get_float32_matmul_precision()) or 2e-3)
    with products._precision(table):
        assert torch.get_float32_matmul_precision() == "highest"
    monkeypatch.setattr(products, "onednn_error", lambda: 5e-7)
    with products._precision(table):
        assert torch.get_float32_matmul_precision() == "medium"
    with products._precision(table.double()):
        assert torch.get_float32_matmul_precision() == "highest"
    assert torch.get_float32_matmul_precision() == seen[0]


def test_the_measurement_of_the_fast_product_sees_bfloat16(monkeypatch):
    """The same measurement, with operands rounded to bfloat16 as such a processor would, is far outside."""
    products.onednn_error.cache_clear()
    honest = products.onednn_error()
    products.onednn_error.cache_clear()
    exact = torch.Tensor.__matmul__

    def rounded(a, b):
        return exact(a.bfloat16().float(), b.bfloat16().float()) if a.dtype == torch.float32 else exact(a, b)

    monkeypatch.setattr(torch.Tensor, "__matmul__", rounded)
    assert products.onednn_error() > 1e-3
    monkeypatch.undo()
    products.onednn_error.cache_clear()
    assert 0 < honest < 1e-2


def test_everything_imports_without_triton():
    code = """
        import sys
        sys.modules["triton"] = None
        import verify.experiments.oracles, verify.experiments.kernels.tables, verify.experiments.capture
        try:
            import verify.experiments.oracles.fused
        except ImportError:
            print("asked for, and missed")
    """
    done = _python(code)
    assert done.stdout.strip() == "asked for, and missed", done.stderr


@needs_triton
def test_the_kernel_in_the_interpreter():
    """Ragged sizes, points closer than sigma, rows far away; against float64 differences."""
    code = """
        import torch
        from verify.experiments.kernels import small
        from verify.experiments.latents import Latents
        from verify.experiments.oracles.data_set import DataSet
        from verify.experiments.oracles.fused import FusedDataSet
        worst = 0.0
        for rows, count, d, seed in ((70, 130, 2, 2), (9, 40, 100, 4)):
            latents = Latents(seed)
            y = latents.normal("y", count, d).float()
            y[1] = y[0] + 1e-3
            sigma = (0.05 * 400 ** latents.uniform("s", rows))
            x = (y[torch.arange(rows) % count] + sigma[:, None] * latents.normal("n", rows, d)).float()
            x[0] = 50.0
            halves = y.double().square().sum(1) / 2
            found, log = small.average(x, small.padded(y), halves.float(), (1 / sigma**2).float())
            logits = (x.double() @ y.double().T - halves) / sigma[:, None] ** 2
            truth = torch.softmax(logits, 1) @ y.double()
            worst = max(worst, float((found - truth).abs().max()))
            assert torch.allclose(log.double(), torch.logsumexp(logits, 1), rtol=1e-5, atol=1e-4)
        fused, plain = FusedDataSet(y), DataSet(y.double())
        for level in (0.3, sigma):
            for method in ("denoise", "log_density"):
                found, truth = getattr(fused, method)(x, level), getattr(plain, method)(x.double(), level)
                assert torch.allclose(found.double(), truth, rtol=1e-4, atol=2e-3), method
        print(worst)
    """
    done = _python(code, TRITON_INTERPRET="1", TRITON_DEFAULT_FP_FUSION="1")
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 2e-4


@needs_triton
@pytest.mark.parametrize("number", range(4))
def test_the_kernel_compiles_for_sm_90_without_spills(number, tmp_path, monkeypatch):
    """Cross-compiled here, without a GPU; the assembler's own report says what spilled to memory."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("TRITON_DEFAULT_FP_FUSION", "1")
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from verify.experiments.kernels import small

    tool = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
    if not tool.exists():
        pytest.skip(f"this triton brings no {tool.name}, which reads the report")
    shape, names = small.SHAPES[number], small.kernel.arg_names
    fixed = {"D": shape.width, "BLOCK_X": shape.block_x, "BLOCK_Y": shape.block_y}
    types = dict.fromkeys(names[:6], "*fp32") | dict.fromkeys(names[6:8], "i32") | dict.fromkeys(fixed, "constexpr")
    aligned = {(place,): [["tt.divisibility", 16]] for place in range(6)}
    made = triton.compile(
        ASTSource(small.kernel, types, {(names.index(name),): value for name, value in fixed.items()}, aligned),
        target=GPUTarget("cuda", 90, 32),
        options={"num_warps": shape.warps, "num_stages": shape.stages},
    )
    binary = tmp_path / "kernel.cubin"
    binary.write_bytes(made.asm["cubin"])
    report = subprocess.run([tool, "-res-usage", binary], capture_output=True, text=True, check=True).stdout
    stack = [int(value) for value in re.findall(r"STACK:(\d+)", report)]
    assert stack and max(stack) == 0, report
    assert made.metadata.shared <= 227 * 1024


@needs_triton
def test_too_many_dimensions_are_refused():
    from verify.experiments.kernels import small

    assert [small.shape_for(d).width for d in (1, 16, 17, 64, 65, 128)] == [16, 16, 32, 64, 128, 128]
    with pytest.raises(ValueError, match="at most 128 dimensions, not 129"):
        small.shape_for(129)


def _python(code, **environment):
    """A fresh interpreter in the repository: what is imported, and how, is part of what is tested."""
    return subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", textwrap.dedent(code)],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
