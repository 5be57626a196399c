"""Exports small networks of many kinds as users would, and writes PyTorch's gradients in float64.

Run by hand, from the repository's root:

    pip install torch numpy onnx onnxscript
    python bench/peers/golden_exports.py

Networks are exported for training, the way docs/guides/bring-your-model.md says.
"""

import pathlib

import golden_gradients as golden
import numpy
import onnx
import torch
from torch import nn

FOLDER = pathlib.Path("packages/engine/src/onnx/fixtures")
VOCABULARY, LENGTH = 11, 6


class Causal(nn.Module):
    """Token ids as int64, a mask that hides what comes later, a last normalisation."""

    def __init__(self, norm):
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.norm = norm(8)
        self.head = nn.Linear(8, 3)

    def forward(self, ids):
        mask = torch.full((LENGTH, LENGTH), float("-inf")).triu(1)
        x = self.encoder(self.tokens(ids), mask=mask, is_causal=True)
        return self.head(self.norm(x)[:, -1])


class Upsampling(nn.Module):
    """Transposed convolution, resizing up and down, padding by elements."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(2, 6, 3, stride=2, padding=1, padding_mode="reflect")
        self.up = nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1, groups=2)
        self.last = nn.Conv2d(4, 3, 3, padding=1, padding_mode="replicate")

    def forward(self, x):
        f = nn.functional
        x = torch.tanh(self.up(torch.tanh(self.down(x))))
        x = f.interpolate(x, scale_factor=1.5, mode="bilinear", align_corners=False)
        x = torch.sigmoid(self.last(f.interpolate(x, size=(5, 7), mode="nearest")))
        return f.adaptive_avg_pool2d(x, 1).flatten(1)


class Series(nn.Module):
    """Convolution and pooling of series, parts of a tensor, products."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(3, 8, 3, padding=1)
        self.second = nn.Conv1d(4, 6, 3, stride=2, bias=False)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        f = nn.functional
        a, b = torch.split(torch.tanh(self.first(x)), 4, 1)
        x = f.celu(f.avg_pool1d(self.second(a * torch.sigmoid(b)), 3, 2, 1), 0.7)
        return self.head(x.cumsum(2)[:, :, -1] + (x + 1.5).prod(2))


def without_remarks(path):
    """Leaves out stack traces and the like, which are most of a small file."""
    model = onnx.load(path)
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info):
        del part.metadata_props[:]
    del model.graph.value_info[:]
    onnx.save(model, path)
    print(path, path.stat().st_size)


def inputs(shape, size, ids):
    x, targets, weights = golden.batch(shape, size, 3)
    if ids:
        x = torch.from_numpy(numpy.floor(x.abs().numpy() * VOCABULARY).astype("int64"))
    return x, targets, weights


def export(name, module, shape, size, ids=False, **options):
    torch.manual_seed(7)
    for parameter in module.parameters():
        nn.init.uniform_(parameter, -0.5, 0.5)
    x, targets, weights = inputs(shape, size, ids)
    path = FOLDER / f"{name}.golden.onnx"
    names = {"input_names": ["x"], "output_names": ["logits"]}
    torch.onnx.export(module.train(), (x[:2],), str(path), **names, **options)
    without_remarks(path)
    module = module.double()
    output = module(x if ids else x.double())
    losses = nn.functional.cross_entropy(output, targets, reduction="none")
    loss = (losses * weights.double()).sum()
    loss.backward()
    gradients = [
        {"name": key, "values": parameter.grad.flatten().tolist()}
        for key, parameter in module.named_parameters()
    ]
    golden.write(
        FOLDER / f"{name}.golden.json",
        {
            "torch": torch.__version__,
            "batchSize": size,
            "classes": 3,
            "loss": loss.item(),
            "output": output.detach().flatten().tolist(),
            "gradients": gradients,
        },
    )


def main():
    script = {
        "dynamo": False,
        "training": torch.onnx.TrainingMode.TRAINING,
        "do_constant_folding": False,
        "dynamic_axes": {"x": {0: "n"}, "logits": {0: "n"}},
    }
    dynamo = {
        "dynamo": True,
        "optimize": False,
        "dynamic_shapes": ({0: torch.export.Dim("n")},),
        "external_data": False,
        "verbose": False,
    }
    # The older exporter knows no RMSNorm.
    kinds = (("script", script, nn.LayerNorm), ("dynamo", dynamo, nn.RMSNorm))
    for kind, options, norm in kinds:
        export(f"causal-{kind}", Causal(norm), (LENGTH,), 4, ids=True, **options)
        export(f"upsampling-{kind}", Upsampling(), (2, 8, 8), 3, **options)
        export(f"series-{kind}", Series(), (3, 13), 3, **options)


if __name__ == "__main__":
    main()
