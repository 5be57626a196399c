"""Writes the golden files that the engine's gradients are compared with, from PyTorch in float64.

Run by hand, from the repository's root:

    pip install torch numpy onnx onnxscript
    python bench/peers/golden_gradients.py

Weights, inputs and targets follow formulas that the tests repeat, so only results are stored. The
ONNX files are PyTorch's own exports of small networks with random weights.
"""

import json
import pathlib

import numpy
import torch
from torch import nn

ENGINE = pathlib.Path("packages/engine/src")
SAMPLES_PER_TENSOR = 24


def waves(count, phase):
    """sin(12.9898 i + phase): looks random, needs no generator."""
    return numpy.sin(12.9898 * numpy.arange(count) + phase)


def fill(module):
    """Weight i of tensor k is sin(...) times the bound of PyTorch's default initialisation."""
    with torch.no_grad():
        fan_in = 1
        for k, parameter in enumerate(module.parameters()):
            if parameter.dim() > 1:
                fan_in = parameter[0].numel()
            values = waves(parameter.numel(), k) / fan_in**0.5
            parameter.copy_(torch.from_numpy(values.astype("float32")).reshape(parameter.shape))


def batch(shape, size, classes):
    count = size * int(numpy.prod(shape))
    inputs = waves(count, 0.5).astype("float32").reshape(size, *shape)
    targets = (numpy.arange(size) * 7 + 3) % classes
    weights = (numpy.arange(size) % 4 * 0.5).astype("float32")
    return torch.from_numpy(inputs), torch.from_numpy(targets), torch.from_numpy(weights)


def results(module, shape, size, classes):
    """Output, loss and gradients, all in float64, loss as a weighted sum over samples."""
    module = module.double()
    inputs, targets, weights = batch(shape, size, classes)
    output = module(inputs.double())
    losses = nn.functional.cross_entropy(output, targets, reduction="none")
    loss = (losses * weights.double()).sum()
    loss.backward()
    gradients = []
    for name, parameter in module.named_parameters():
        flat = parameter.grad.flatten()
        at = sorted({int(i) for i in numpy.linspace(0, flat.numel() - 1, SAMPLES_PER_TENSOR)})
        gradients.append(
            {
                "name": name,
                "shape": list(parameter.shape),
                "norm": flat.norm().item(),
                "sum": flat.sum().item(),
                "at": at,
                "values": [flat[i].item() for i in at],
            }
        )
    module.float()
    return {
        "torch": torch.__version__,
        "batchSize": size,
        "classes": classes,
        "loss": loss.item(),
        "output": output.detach().flatten().tolist(),
        "gradients": gradients,
    }


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1) + "\n")
    print(path)


class Lenet(nn.Module):
    def __init__(self, channels, hidden):
        super().__init__()
        first, second = channels
        self.conv1 = nn.Conv2d(1, first, 5, padding=2)
        self.conv2 = nn.Conv2d(first, second, 5)
        self.fc1 = nn.Linear(second * 25, hidden[0])
        self.fc2 = nn.Linear(hidden[0], hidden[1])
        self.fc3 = nn.Linear(hidden[1], 10)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = nn.functional.max_pool2d(torch.relu(self.conv2(x)), 2)
        x = x.view(x.size(0), -1)
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x)))))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(20, 16)
        self.fc2 = nn.Linear(16, 12)
        self.fc3 = nn.Linear(12, 5)

    def forward(self, x):
        return self.fc3(torch.tanh(self.fc2(torch.tanh(self.fc1(x)))))


class Mixed(nn.Module):
    """What the others lack: stride, groups, dilation, overlapping pools, a shared weight."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 6, 3, stride=2, padding=1)
        self.depthwise = nn.Conv2d(6, 6, 3, padding=1, groups=6, bias=False)
        self.dilated = nn.Conv2d(6, 4, 3, padding=2, dilation=2)
        self.mix = nn.Linear(4, 4, bias=False)
        self.scale = nn.Parameter(torch.ones(4, 1, 1))
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.tanh(self.stem(x)), 3, stride=2, padding=1)
        x = torch.sigmoid(self.dilated(self.depthwise(x) + x)) * self.scale
        x = nn.functional.avg_pool2d(x, 3, stride=1, padding=1).mean(dim=(2, 3))
        return self.head(self.mix(torch.tanh(self.mix(x))))


class Operators(nn.Module):
    """Many elementwise, moving and reducing operators in one small network."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 12)
        self.norm = nn.LayerNorm(12)
        self.second = nn.Linear(12, 4)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        f = nn.functional
        x = self.norm(self.first(x))
        x = f.elu(x) + f.softplus(x) - f.mish(x) + f.selu(x) + f.hardsigmoid(x)
        x = torch.where(x > 0.1, x.abs().clamp(min=1e-2).log(), x.pow(2))
        q, k, v = x.split([4, 4, 4], 1)
        a = torch.einsum("bi,bj->bij", q, k).softmax(-1)
        y = torch.einsum("bij,bj->bi", a, v)
        y = f.normalize(torch.cat([y, q.flip(1), k.roll(1, 1)], 1), dim=1)
        y = torch.maximum(y, torch.minimum(y * 2, -y))
        y = y / (1 + torch.sqrt(y * y + 1)) - torch.amax(y, 1, keepdim=True) * torch.sin(y)
        return self.head(f.gelu(self.second(y), approximate="tanh"))


def export(name, module, shape, size, classes, **options):
    torch.manual_seed(7)
    for parameter in module.parameters():
        nn.init.uniform_(parameter, -0.5, 0.5)
    module.eval()
    folder = ENGINE / "onnx" / "fixtures"
    folder.mkdir(parents=True, exist_ok=True)
    example = (torch.zeros(2, *shape),)
    path = folder / f"{name}.golden.onnx"
    torch.onnx.export(
        module, example, str(path), input_names=["x"], output_names=["logits"], **options
    )
    print(path, path.stat().st_size)
    write(folder / f"{name}.golden.json", results(module, shape, size, classes))


def main():
    lenet = Lenet((6, 16), (120, 84))
    fill(lenet)
    write(ENGINE / "autodiff" / "lenet5.golden.json", results(lenet, (1, 28, 28), 6, 10))
    mlp = Mlp()
    fill(mlp)
    write(ENGINE / "autodiff" / "mlp.golden.json", results(mlp, (20,), 9, 5))

    batch_axis = {"x": {0: "n"}, "logits": {0: "n"}}
    script = {"dynamo": False, "dynamic_axes": batch_axis}
    dynamo = {
        "dynamo": True,
        "dynamic_shapes": ({0: torch.export.Dim("n")},),
        "external_data": False,
    }
    export("mlp-script", Mlp(), (20,), 5, 5, **script, opset_version=13)
    export("lenet-script", Lenet((3, 4), (16, 12)), (1, 28, 28), 3, 10, **script)
    export("lenet-dynamo", Lenet((3, 4), (16, 12)), (1, 28, 28), 3, 10, **dynamo)
    export("mixed-script", Mixed(), (2, 12, 12), 3, 3, **script, opset_version=17)
    export("mixed-dynamo", Mixed(), (2, 12, 12), 3, 3, **dynamo)
    export("operators-script", Operators(), (6,), 4, 3, **script, opset_version=17)
    export("operators-newer", Operators(), (6,), 4, 3, **script, opset_version=20)
    export("lenet-fixed-batch", Lenet((3, 4), (16, 12)), (1, 28, 28), 3, 10, dynamo=False)


if __name__ == "__main__":
    main()
