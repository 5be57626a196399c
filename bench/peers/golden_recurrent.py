"""Exports recurrent networks with PyTorch, and writes its outputs and gradients in float64.

Run by hand, from the repository's root:

    pip install torch numpy onnx onnxscript
    python bench/peers/golden_recurrent.py

The gradients are stored as ONNX arranges weights: gates in its order, one slice per direction.
"""

import json
import pathlib

import golden_exports as exports
import golden_gradients as golden
import torch
from torch import nn

FOLDER = pathlib.Path("packages/engine/src/onnx/fixtures")
# PyTorch's blocks of rows in ONNX's order: i f g o -> i o f g, and r z n -> z r n.
GATES = {"LSTM": [0, 3, 1, 2], "GRU": [1, 0, 2]}
STEPS, INPUTS, HIDDEN, CLASSES, SAMPLES = 7, 5, 6, 3, 4


class Recurrent(nn.Module):
    """Two layers in both directions; all outputs and last states count."""

    def __init__(self, kind):
        super().__init__()
        self.rnn = getattr(nn, kind)(
            INPUTS, HIDDEN, num_layers=2, bidirectional=True, batch_first=True
        )
        self.head = nn.Linear((2 if kind == "GRU" else 3) * 2 * HIDDEN, CLASSES)

    def forward(self, x):
        y, last = self.rnn(x)
        states = last if isinstance(last, tuple) else (last,)
        tops = [torch.cat((state[-2], state[-1]), 1) for state in states]
        return self.head(torch.cat((y.mean(1), *tops), 1))


def in_onnx_order(kind, tensor):
    return torch.cat([tensor.chunk(len(GATES[kind]))[i] for i in GATES[kind]])


def layer_gradients(kind, rnn, layer):
    """Gradients of W, R and B of one layer."""

    def of(name, suffix):
        return in_onnx_order(kind, getattr(rnn, f"{name}_l{layer}{suffix}").grad)

    directions = ("", "_reverse")
    bias = [torch.cat((of("bias_ih", d), of("bias_hh", d))) for d in directions]
    return [
        torch.stack([of("weight_ih", d) for d in directions]),
        torch.stack([of("weight_hh", d) for d in directions]),
        torch.stack(bias),
    ]


def network(kind):
    torch.manual_seed(11)
    return Recurrent(kind).eval()


def export(name, kind, **options):
    path = FOLDER / f"{name}.golden.onnx"
    torch.onnx.export(
        network(kind),
        (torch.zeros(2, STEPS, INPUTS),),
        str(path),
        input_names=["x"],
        output_names=["logits"],
        **options,
    )
    exports.without_remarks(path)


def write_results(kind):
    module = network(kind).double()
    inputs, targets, weights = golden.batch((STEPS, INPUTS), SAMPLES, CLASSES)
    output = module(inputs.double())
    losses = nn.functional.cross_entropy(output, targets, reduction="none")
    loss = (losses * weights.double()).sum()
    loss.backward()
    layers = [layer_gradients(kind, module.rnn, layer) for layer in range(2)]
    golden.write(
        FOLDER / f"{kind.lower()}.golden.json",
        {
            "torch": torch.__version__,
            "batchSize": SAMPLES,
            "classes": CLASSES,
            "loss": loss.item(),
            "output": output.detach().flatten().tolist(),
            "layers": [[part.flatten().tolist() for part in layer] for layer in layers],
            "head": module.head.weight.grad.flatten().tolist(),
        },
    )


def main():
    axes = {"x": {0: "n"}, "logits": {0: "n"}}
    shapes = ({0: torch.export.Dim("n")},)
    for kind in GATES:
        short = kind.lower()
        write_results(kind)
        export(f"{short}-script", kind, dynamo=False, dynamic_axes=axes)
        export(f"{short}-fixed-batch", kind, dynamo=False)
        export(f"{short}-dynamo", kind, dynamo=True, dynamic_shapes=shapes, external_data=False)


if __name__ == "__main__":
    main()
