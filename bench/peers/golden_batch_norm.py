"""Writes the golden file of training with BatchNormalization: PyTorch in float64, step by step.

Run by hand, from the repository's root:

    pip install torch numpy onnx onnxscript
    python bench/peers/golden_batch_norm.py

The network is exported in training mode with random weights; inputs and targets follow formulas that
the tests repeat. "exact" is PyTorch on the whole batch. "shards" is PyTorch on halves of the batch, each
normalised by its own statistics, gradients added up, the running statistics moved by the statistics of
all rows of both halves, as they were inside the network.
"""

import copy
import json
import pathlib

import numpy
import onnx
import torch
from torch import nn

FOLDER = pathlib.Path("packages/engine/src/sessions/fixtures")
BATCH = 32
SHAPE = (2, 8, 8)
CLASSES = 5
STEPS = 5
LEARNING_RATE = 0.2
MOMENTUM = 0.9


class Network(nn.Module):
    """Normalises images, and rows; smooth, so that rounding does not flip a Relu."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 6, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(6)
        self.conv2 = nn.Conv2d(6, 8, 3, stride=2, padding=1)
        self.bn2 = nn.BatchNorm2d(8, momentum=0.3, eps=1e-3)
        self.fc1 = nn.Linear(8, 12)
        self.bn3 = nn.BatchNorm1d(12)
        self.fc2 = nn.Linear(12, CLASSES)

    def forward(self, x):
        x = torch.tanh(self.bn1(self.conv1(x)))
        x = torch.tanh(self.bn2(self.conv2(x))).mean(dim=(2, 3))
        return self.fc2(torch.tanh(self.bn3(self.fc1(x))))


def batch(step):
    count = BATCH * int(numpy.prod(SHAPE))
    inputs = numpy.sin(12.9898 * numpy.arange(count) + 0.5 + step).astype("float32")
    targets = (numpy.arange(BATCH) * 7 + 3 + step) % CLASSES
    return torch.from_numpy(inputs).double().reshape(BATCH, *SHAPE), torch.from_numpy(targets)


def norms(network):
    return [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]


def sharded(network, inputs, targets, shards):
    """Loss and gradients of the mean loss, with the running statistics moved once."""
    modules = norms(network)
    seen = [[] for _ in modules]
    hooks = [
        module.register_forward_hook(lambda m, args, out, k=k: seen[k].append(args[0].detach()))
        for k, module in enumerate(modules)
    ]
    momenta = [module.momentum for module in modules]
    for module in modules:
        module.momentum = 0.0
    total = 0.0
    for x, t in zip(inputs.chunk(shards), targets.chunk(shards)):
        loss = nn.functional.cross_entropy(network(x), t, reduction="sum") / len(targets)
        loss.backward()
        total += loss.item()
    for hook in hooks:
        hook.remove()
    for module, momentum, parts in zip(modules, momenta, seen):
        module.momentum = momentum
        rows = torch.cat(parts).transpose(0, 1).flatten(1)
        module.running_mean.lerp_(rows.mean(1), momentum)
        module.running_var.lerp_(rows.var(1), momentum)
    return total


def train(network, shards):
    network = copy.deepcopy(network).double().train()
    optimizer = torch.optim.SGD(network.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)
    steps = []
    for step in range(STEPS):
        optimizer.zero_grad()
        inputs, targets = batch(step)
        if shards == 1:
            loss = nn.functional.cross_entropy(network(inputs), targets)
            loss.backward()
            loss = loss.item()
        else:
            loss = sharded(network, inputs, targets, shards)
        gradients = {name: p.grad.flatten().tolist() for name, p in network.named_parameters()}
        optimizer.step()
        buffers = {n: b.tolist() for n, b in network.named_buffers() if b.dim() > 0}
        parameters = {name: p.norm().item() for name, p in network.named_parameters()}
        record = {"loss": loss, "buffers": buffers, "parameterNorms": parameters}
        steps.append({**record, "gradients": gradients} if step == 0 else record)
    network.eval()
    with torch.no_grad():
        output = network(batch(STEPS)[0])
    return {"steps": steps, "output": output[:4].flatten().tolist()}


def main():
    torch.manual_seed(11)
    network = Network()
    with torch.no_grad():
        for module in norms(network):
            module.weight.uniform_(0.5, 1.5)
            module.bias.uniform_(-0.5, 0.5)
            module.running_mean.uniform_(-1, 1)
            module.running_var.uniform_(0.5, 2)
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / "batch-norm.golden.onnx"
    torch.onnx.export(
        copy.deepcopy(network).train(),
        (torch.zeros(2, *SHAPE),),
        str(path),
        input_names=["x"],
        output_names=["logits"],
        dynamic_axes={"x": {0: "n"}, "logits": {0: "n"}},
        training=torch.onnx.TrainingMode.TRAINING,
        do_constant_folding=False,
        dynamo=False,
    )
    # Tracing runs the network in training mode, which moved the statistics of the copy.
    file = onnx.load(str(path))
    buffers = dict(network.named_buffers())
    for initializer in file.graph.initializer:
        if initializer.name in buffers:
            values = buffers[initializer.name].numpy()
            initializer.CopyFrom(onnx.numpy_helper.from_array(values, initializer.name))
    onnx.save(file, str(path))
    golden = {
        "torch": torch.__version__,
        "learningRate": LEARNING_RATE,
        "momentum": MOMENTUM,
        "batchSize": BATCH,
        "classes": CLASSES,
        "exact": train(network, 1),
        "shards": train(network, 2),
    }
    text = json.dumps(json.loads(json.dumps(golden), parse_float=lambda x: float(f"{float(x):.9g}")))
    (FOLDER / "batch-norm.golden.json").write_text(text + "\n")
    print(path.stat().st_size, len(text))


if __name__ == "__main__":
    main()
