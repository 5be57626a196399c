"""Writes the golden files that the gradients of Everfresh's built-in models are compared with.

Run by hand, from the repository's root:

    pip install torch numpy onnx
    python bench/peers/golden_models.py

Node.js writes the weights and batches of every case to a temporary folder; the golden files hold
PyTorch's loss and gradients in float64, as they are and with smooth activations, and how far
PyTorch's own float32 is from them.
"""

import json
import pathlib
import subprocess
import tempfile

import numpy
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from torch_models import build

MODELS = pathlib.Path("packages/engine/src/models")
SAMPLES_PER_TENSOR = 5
MEMORY_FORMATS = (torch.contiguous_format, torch.channels_last)
OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.002, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=1e-4),
}
STEPS = 4
# Trained for longer, to see errors grow.
LONG = ("lenet5", "transformer-pre-norm")
LONG_STEPS = 100
# Below this part of the largest element in the model, a gradient is 0 but for rounding.
NOTHING = 1e-9


def tensors_of(path):
    """The tensors in an ONNX file by name."""
    initialisers = onnx.load(path).graph.initializer
    return {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in initialisers}


def load(case, tensors, smooth, dtype, memory_format):
    """The model of a case, and its batches."""
    model = build(case["builder"], case["options"], smooth)
    with torch.no_grad():
        model.load(tensors)
    model = model.to(dtype).train()
    batches = []
    for batch in case["batches"]:
        inputs = torch.tensor(batch["inputs"], dtype=torch.float32).reshape(case["shape"])
        inputs = inputs.to(dtype)
        if inputs.dim() == 4:
            model = model.to(memory_format=memory_format)
            inputs = inputs.to(memory_format=memory_format)
        batches.append((inputs, torch.tensor(batch["targets"])))
    return model, batches


def gradients(case, tensors, smooth, dtype, memory_format):
    """Loss and gradients of the sum of the losses of the first batch's samples."""
    model, batches = load(case, tensors, smooth, dtype, memory_format)
    inputs, targets = batches[0]
    loss = nn.functional.cross_entropy(model(inputs), targets, reduction="sum")
    loss.backward()
    named = {name: p.grad.detach().contiguous() for name, p in model.named_parameters()}
    return loss.item(), model.from_torch(named)


def losses(case, tensors, optimizer, steps, smooth, dtype, memory_format):
    """The mean loss of each step, on the batches in turn."""
    model, batches = load(case, tensors, smooth, dtype, memory_format)
    optimizer = OPTIMIZERS[optimizer](model.parameters())
    result = []
    for step in range(steps):
        inputs, targets = batches[step % len(batches)]
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        result.append(rounded(loss.item()))
    return result


def training(name, case, tensors):
    """Long with the activations as they are; short with smooth ones, as kinks magnify rounding."""
    long = name in LONG
    formats = MEMORY_FORMATS if len(case["shape"]) == 4 else MEMORY_FORMATS[:1]

    def run(optimizer, dtype, memory_format):
        steps = LONG_STEPS if long else STEPS
        return losses(case, tensors, optimizer, steps, not long, dtype, memory_format)

    return {
        optimizer: {
            "exact": run(optimizer, torch.float64, MEMORY_FORMATS[0]),
            "single": [run(optimizer, torch.float32, format_) for format_ in formats],
        }
        for optimizer in OPTIMIZERS
    }


def gradient_rows(exact, singles):
    """What is stored of each gradient: its size, a weighted sum, some elements, float32's error."""
    largest = max(g.abs().max().item() for g in exact.values())
    rows = []
    for name, gradient in exact.items():
        flat = gradient.flatten()
        top = flat.abs().max().item()
        scale = top if top > NOTHING * largest else largest
        error = max((s[name].flatten().double() - flat).abs().max().item() for s in singles)
        waves = torch.cos(0.7 * torch.arange(flat.numel(), dtype=torch.float64))
        at = sorted({int(i) for i in numpy.linspace(0, flat.numel() - 1, SAMPLES_PER_TENSOR)})
        rows.append(
            {
                "name": name,
                "scale": rounded(scale),
                "norm": rounded(flat.norm().item()),
                "wave": rounded((flat * waves).sum().item()),
                "at": at,
                "values": [rounded(flat[i].item()) for i in at],
                "error32": float(f"{error / scale:.2g}"),
            }
        )
    return rows


def result(case, tensors, smooth):
    loss, exact = gradients(case, tensors, smooth, torch.float64, MEMORY_FORMATS[0])
    singles = [
        gradients(case, tensors, smooth, torch.float32, memory_format)[1]
        for memory_format in MEMORY_FORMATS
    ]
    return {"loss": loss, "gradients": gradient_rows(exact, singles)}


def rounded(number):
    return float(f"{number:.9g}")


def write(path, data):
    """One line per gradient."""
    parts = []
    for kind in ("plain", "smooth"):
        lines = ",\n".join(json.dumps(row) for row in data[kind]["gradients"])
        loss = json.dumps(data[kind]["loss"])
        parts.append(f'"{kind}": {{"loss": {loss}, "gradients": [\n{lines}\n]}}')
    path.parent.mkdir(parents=True, exist_ok=True)
    parts.append(f'"training": {json.dumps(data["training"])}')
    path.write_text(f'{{"torch": "{torch.__version__}",\n' + ",\n".join(parts) + "}\n")
    worst = {k: max(r["error32"] for r in data[k]["gradients"]) for k in ("plain", "smooth")}
    print(path, path.stat().st_size, "float32 errors", worst)


def main():
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        fixture = (MODELS / "golden-models.fixture.ts").resolve().as_uri()
        program = f"(await import('{fixture}')).writeGoldenInputs('{folder}')"
        node = ["node", "--conditions=source", "--input-type=module", "-e", program]
        subprocess.run(node, check=True)
        for path in sorted(pathlib.Path(folder).glob("*.json")):
            case = json.loads(path.read_text())
            tensors = tensors_of(path.with_suffix(".onnx"))
            data = {kind: result(case, tensors, kind == "smooth") for kind in ("plain", "smooth")}
            data["training"] = training(path.stem, case, tensors)
            write(MODELS / "fixtures" / f"{path.stem}.golden.json", data)


if __name__ == "__main__":
    main()
