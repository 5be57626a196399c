"""What PyTorch computes from given weights and batches, for bench/gradients.ts and trajectory.ts.

    python torch_reference.py FOLDER

FOLDER holds model.onnx (the weights) and case.json: {"builder", "options", "shape", "batches",
"parameters", "tensors"}, the last two being names in Everfresh's order. First writes {"version"};
then answers lines on stdin:

    {"command": "gradients", "smooth", "dtype", "format"} with {"loss"}, the sum over the first batch;
        the gradients of all parameters go to gradients.bin as float64
    {"command": "train", "optimizer", "learningRate", "steps", "dtype", "format", "from", "keep"}
        with {"losses"} of training on the batches in turn, from the weights or from a kept state and
        its step; states before the steps in "keep" go to state-STEP.bin as float32

Dropout drops nothing.
"""

import json
import os
import pathlib
import sys

import numpy
import torch
from torch import nn

from golden_models import gradients, load, tensors_of

OPTIMIZERS = {
    "sgd": lambda p, rate: torch.optim.SGD(p, lr=rate, momentum=0.9),
    "adam": lambda p, rate: torch.optim.Adam(p, lr=rate),
}
FORMATS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}


def state_of(model, names):
    state = {k: v for k, v in model.state_dict().items() if not k.endswith("batches_tracked")}
    tensors = model.from_torch(state)
    flat = [tensors[name].detach().float().contiguous().flatten().numpy() for name in names]
    return numpy.concatenate(flat)


def tensors_from(path, weights, names):
    """The kept state as tensors of the same shapes as the weights."""
    flat = torch.from_numpy(numpy.fromfile(path, dtype="float32"))
    parts = flat.split([weights[name].numel() for name in names])
    return {name: part.reshape(weights[name].shape) for name, part in zip(names, parts)}


def train(folder, case, weights, request):
    names = case["tensors"]
    start = request.get("from")
    tensors = weights
    if start is not None:
        tensors = tensors_from(folder / f"state-{start}.bin", weights, names)
    dtype = getattr(torch, request["dtype"])
    model, batches = load(case, tensors, False, dtype, FORMATS[request["format"]])
    optimizer = OPTIMIZERS[request["optimizer"]](model.parameters(), request["learningRate"])
    losses = []
    for step in range(start or 0, (start or 0) + request["steps"]):
        if step in request.get("keep", []):
            state_of(model, names).tofile(folder / f"state-{step}.bin")
        inputs, targets = batches[step % len(batches)]
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {"losses": losses}


def write_gradients(folder, case, weights, request):
    dtype = getattr(torch, request["dtype"])
    format_ = FORMATS[request["format"]]
    loss, named = gradients(case, weights, request["smooth"], dtype, format_)
    flat = [named[name].double().flatten().numpy() for name in case["parameters"]]
    numpy.concatenate(flat).tofile(folder / "gradients.bin")
    return {"loss": loss}


def main(folder):
    torch.set_num_threads(os.cpu_count())
    # Attention has a dropout of its own, which the models to compare are built without.
    nn.Dropout.forward = lambda self, x: x
    case = json.loads((folder / "case.json").read_text())
    # Tensors without content of their own, as fixed positions, are none of Everfresh's state.
    weights = {k: v for k, v in tensors_of(folder / "model.onnx").items() if k in case["tensors"]}
    print(json.dumps({"version": torch.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        command = train if request["command"] == "train" else write_gradients
        print(json.dumps(command(folder, case, weights, request)), flush=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
