r"""A whole sampling run as one CUDA graph: recorded once, replayed without Python and without launch gaps.

At batch 4 a Heun step is three tensor operations of a few microseconds each, and the host's work to launch them is
what one waits for. A run can be recorded when nothing in its loop waits for the device (`.item()`, `if tensor`) and
all that varies comes in as tensors of fixed shape: pass step noises as arguments, not as functions. `survey` runs the
loop once and counts, on any device; `capture` uses it to say in a sentence why a run cannot be recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

Run = Callable[..., Tensor]
WARM = 3  # runs before recording: cuBLAS makes its handles and workspaces in the first ones

# Operations that hand a value or a data-dependent shape to the host: on CUDA each stops the host until it is there.
WAITING = {
    "aten::_local_scalar_dense", "aten::equal", "aten::is_nonzero", "aten::nonzero", "aten::masked_select",
    "aten::_unique2", "aten::unique_dim", "aten::unique_consecutive", "aten::bincount",
}  # fmt: skip


class Survey(TorchDispatchMode):
    """Counts tensor operations, and names those that would wait for a CUDA device."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.waits: list[str] = []

    @property
    def operations(self) -> int:
        return self.counts.total()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = function._schema.name
        self.counts[name] += 1
        if name in WAITING or (name == "aten::index" and _by_mask(args[1])):
            self.waits.append(name)
        return function(*args, **(kwargs or {}))


def _by_mask(indices: list[Tensor | None]) -> bool:
    """x[mask]: how many rows come out is known to the device only."""
    return any(index is not None and index.dtype == torch.bool for index in indices)


def survey(run: Run, *arguments: Tensor) -> Survey:
    """One run under the counter. Views are counted too; they cost no kernel."""
    with Survey() as counted, torch.no_grad():
        run(*arguments)
    return counted


@dataclass
class Captured:
    """A run ready to be called with tensors of the shapes it was prepared with.

    `reason` is empty when a graph is replayed; otherwise it says why the run is called as it is. A replay gives a
    tensor of its own, not the graph's buffer, which the next replay would overwrite.
    """

    run: Run
    reason: str = ""
    graph: torch.cuda.CUDAGraph | None = None
    inputs: tuple[Tensor, ...] = ()
    output: Tensor | None = None

    def __call__(self, *arguments: Tensor) -> Tensor:
        if self.graph is None or self.output is None:
            return self.run(*arguments)
        shapes, wanted = [tuple(a.shape) for a in arguments], [tuple(i.shape) for i in self.inputs]
        if shapes != wanted:
            raise ValueError(f"this run was recorded for shapes {wanted}, not {shapes}; capture it again")
        for place, argument in zip(self.inputs, arguments, strict=True):
            place.copy_(argument)
        self.graph.replay()
        return self.output.clone()


def capture(run: Run, *examples: Tensor) -> Captured:
    """Records `run(*examples)`, tensors to tensor, without gradients.

    On the CPU there is nothing to record: the run comes back as it is, with the reason. ValueError when the loop waits
    for the device, because that would also make every call slow: the operations are named.
    """
    counted = survey(run, *examples)
    if counted.waits:
        names = ", ".join(sorted(set(counted.waits)))
        raise ValueError(
            f"the loop waits for the device {len(counted.waits)} times ({names}); "
            "take .item(), float(tensor) and conditions on tensors out of it"
        )
    if not all(example.is_cuda for example in examples):
        return Captured(run, "CUDA graphs need CUDA tensors; this run is called as it is")
    inputs = tuple(example.clone() for example in examples)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side), torch.no_grad():
        for _ in range(WARM):
            run(*inputs)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph), torch.no_grad():
        output = run(*inputs)
    return Captured(run, graph=graph, inputs=inputs, output=output)
