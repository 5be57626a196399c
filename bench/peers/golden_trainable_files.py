"""Exports a small ResNet-18, MobileNetV2 and transformer from PyTorch, ready to be trained, and
writes what PyTorch computes for them.

Run by hand, from the repository's root:

    pip install torch torchvision numpy onnx onnxscript
    python bench/peers/golden_trainable_files.py

The layouts are torchvision's and PyTorch's own; widths are cut so that the files stay small, and all
weights are random. Files of the newer exporter lose its notes on where each node came from.
"""

import json
import pathlib

import numpy
import onnx
import torch
from torch import nn
from torchvision.models.mobilenetv2 import MobileNetV2
from torchvision.models.resnet import BasicBlock, ResNet

from golden_models import MEMORY_FORMATS, gradient_rows, rounded

FIXTURES = pathlib.Path("packages/engine/src/onnx/fixtures")
BATCH = 6
STEPS = 4

# As torchvision's, with fewer blocks of the same shape: expansion, channels, count, stride.
STAGES = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 2, 2],
    [6, 64, 2, 2],
    [6, 96, 1, 1],
    [6, 160, 2, 2],
    [6, 320, 1, 1],
]


class NarrowResnet(ResNet):
    """ResNet-18 with a sixteenth of the channels in its blocks."""

    def __init__(self):
        super().__init__(BasicBlock, [2, 2, 2, 2])
        self.fc = nn.Linear(32, 10)

    def _make_layer(self, block, planes, *args, **options):
        return super()._make_layer(block, planes // 16, *args, **options)


class Text(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        self.positions = nn.Parameter(torch.zeros(8, 16))
        layer = nn.TransformerEncoderLayer(16, 4, 32, 0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        return self.head(self.encoder(self.embedding(x) + self.positions).mean(1))


def hashes(count):
    """Whole numbers below 2^32 that look random: the tests repeat this."""
    h = numpy.arange(count, dtype=numpy.uint64) * 2654435761 % 2**32
    h ^= h >> 15
    h = h * 2246822519 % 2**32
    return h ^ h >> 13


def images():
    noise = (hashes(BATCH * 3 * 32 * 32) / 2**31 - 1).astype("float32")
    return torch.from_numpy(noise).reshape(BATCH, 3, 32, 32)


def texts():
    return torch.from_numpy((hashes(BATCH * 8) % 50).astype("int64")).reshape(BATCH, 8)


def randomise(module):
    """Every tensor differs from every other, also within, so that none can be taken for another."""
    torch.manual_seed(5)
    for name, tensor in module.state_dict().items():
        if name.endswith("running_var"):
            nn.init.uniform_(tensor, 0.5, 1.5)
        elif tensor.dim() == 1 and name.endswith("weight"):
            nn.init.uniform_(tensor, 0.7, 1.3)
        elif tensor.dim() == 1:
            nn.init.uniform_(tensor, -0.3, 0.3)
        elif tensor.dim() > 1:
            nn.init.kaiming_normal_(tensor)


def export(module, inputs, path, dynamo):
    names = {"input_names": ["x"], "output_names": ["logits"]}
    module.train()
    if dynamo:
        # Optimised, weights would be transposed and normalisation folded into the convolutions.
        shapes = ({0: torch.export.Dim("n")},)
        options = {"dynamic_shapes": shapes, "optimize": False, "external_data": False}
        torch.onnx.export(module, (inputs,), path, dynamo=True, verbose=False, **options, **names)
        onnx.save(without_notes(onnx.load(path)), path)
    else:
        options = {
            "training": torch.onnx.TrainingMode.TRAINING,
            "do_constant_folding": False,
            "dynamic_axes": {"x": {0: "n"}, "logits": {0: "n"}},
            "opset_version": 17,
        }
        torch.onnx.export(module, (inputs,), path, dynamo=False, **options, **names)
    print(path, path.stat().st_size)


def without_notes(file):
    del file.graph.value_info[:], file.functions[:], file.metadata_props[:]
    graph = file.graph
    for part in [graph, *graph.node, *graph.input, *graph.output, *graph.initializer]:
        del part.metadata_props[:]
    return file


def losses(module, weights, inputs, targets, rate, dtype, memory_format):
    """The mean loss at each of the first steps of SGD with momentum, on one batch."""
    module.to(dtype).to(memory_format=memory_format).load_state_dict(weights)
    if inputs.dim() == 4:
        inputs = inputs.to(dtype)
    optimizer = torch.optim.SGD(module.parameters(), lr=rate, momentum=0.9)
    result = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(module(inputs), targets)
        loss.backward()
        optimizer.step()
        result.append(rounded(loss.item()))
    return result


def gradients(module, inputs, targets, dtype):
    module.to(dtype).zero_grad()
    output = module(inputs.to(dtype) if inputs.is_floating_point() else inputs)
    loss = nn.functional.cross_entropy(output, targets, reduction="sum")
    loss.backward()
    return loss.item(), {n: p.grad.detach().contiguous() for n, p in module.named_parameters()}


def write(name, module, inputs, classes, rate):
    randomise(module)
    for kind in ("script", "dynamo"):
        export(module, inputs, FIXTURES / f"{name}-{kind}.golden.onnx", kind == "dynamo")
    weights = {key: value.clone() for key, value in module.state_dict().items()}
    module.train()
    targets = torch.arange(BATCH) * 7 % classes
    formats = MEMORY_FORMATS if inputs.dim() == 4 else MEMORY_FORMATS[:1]
    singles = []
    for format_ in formats:
        module.to(memory_format=format_).load_state_dict(weights)
        singles.append(gradients(module, inputs, targets, torch.float32)[1])
    module.to(memory_format=MEMORY_FORMATS[0]).load_state_dict(weights)
    loss, exact = gradients(module, inputs, targets, torch.float64)

    def trained(dtype, format_):
        return losses(module, weights, inputs, targets, rate, dtype, format_)

    data = {
        "torch": torch.__version__,
        "batchSize": BATCH,
        "classes": classes,
        "learningRate": rate,
        "loss": loss,
        "losses": trained(torch.float64, MEMORY_FORMATS[0]),
        "singleLosses": [trained(torch.float32, format_) for format_ in formats],
    }
    lines = ",\n".join(json.dumps(row) for row in gradient_rows(exact, singles))
    text = json.dumps(data)[:-1] + ', "gradients": [\n' + lines + "\n]}\n"
    path = FIXTURES / f"{name}.golden.json"
    path.write_text(text)
    print(path, len(text), data["losses"])


def main():
    torch.set_num_threads(1)
    # Its fused form of the encoder layer has no ONNX operator.
    torch.backends.mha.set_fastpath_enabled(False)
    write("resnet", NarrowResnet(), images(), 10, 2e-4)
    # Its gradients are two orders of magnitude larger.
    mobilenet = MobileNetV2(10, 0.05, STAGES, dropout=0)
    write("mobilenet", mobilenet, images(), 10, 2e-6)
    write("text", Text(), texts(), 5, 5e-3)


if __name__ == "__main__":
    main()
