"""The same network on the same stream in PyTorch, for bench/streams/peer-check.ts.

    python torch_streams.py FOLDER

FOLDER holds case.json and raw numbers: inputs.bin (float32 [samples, features], as the model takes
them), labels.bin (int32), weights.bin (float32: weight [out, in] and bias of each layer in turn) and
order.bin (uint32: the order of the initial samples, epoch after epoch). Trains on the initial samples
in that order, then predicts every sample when it arrives and learns from it when its label does. First
writes {"version"}; then answers lines on stdin:

    {"name", "trigger", "window", "lag", "seed"} with {"accuracy"}; whether each prediction was right
        goes to NAME.bin as uint8

trigger: new samples per step, 0 for never; the rest of a batch is drawn from the past by NumPy,
uniformly, from the newest "window" samples or from all of them.
"""

import copy
import json
import pathlib
import sys

import numpy
import torch
from torch import nn


def network(sizes, flat):
    layers, at = [], 0
    for into, out in zip(sizes[:-1], sizes[1:]):
        layer = nn.Linear(into, out)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(flat[at : at + into * out]).reshape(out, into))
            at += into * out
            layer.bias.copy_(torch.from_numpy(flat[at : at + out]))
            at += out
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def step(model, optimizer, inputs, labels):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(inputs), labels).backward()
    optimizer.step()


def predict(model, inputs):
    with torch.no_grad():
        return model(inputs).argmax(1)


def drawn(random, past, count, window):
    reach = min(past, max(window or past, count))
    return past - reach + random.choice(reach, size=min(count, reach), replace=False)


def run(case, start, inputs, labels, request):
    model, optimizer = copy.deepcopy(start)
    initial, batch, lag = case["initial"], case["batch"], request["lag"]
    trigger = request["trigger"]
    random = numpy.random.default_rng(request["seed"])
    hits = numpy.zeros(len(labels) - initial, dtype="uint8")
    past = first = initial
    for arrived in range(initial + 1, len(labels) + 1):
        known = arrived - lag
        if arrived < len(labels) and (trigger == 0 or known - past < trigger):
            continue
        # The model has not changed since these arrived.
        right = predict(model, inputs[first:arrived]) == labels[first:arrived]
        hits[first - initial : arrived - initial] = right.numpy()
        first = arrived
        if trigger and known - past >= trigger:
            new = numpy.arange(past, past + trigger)
            old = drawn(random, past, batch - trigger, request.get("window"))
            chosen = torch.from_numpy(numpy.concatenate([new, old]))
            step(model, optimizer, inputs[chosen], labels[chosen])
            past += trigger
    return hits


def main():
    folder = pathlib.Path(sys.argv[1])
    torch.set_num_threads(1)
    case = json.loads((folder / "case.json").read_text())
    read = lambda name, dtype: numpy.fromfile(folder / name, dtype=dtype)
    features = case["sizes"][0]
    inputs = torch.from_numpy(read("inputs.bin", "float32").reshape(-1, features))
    labels = torch.from_numpy(read("labels.bin", "int32").astype("int64"))
    model = network(case["sizes"], read("weights.bin", "float32"))
    optimizer = torch.optim.Adam(model.parameters(), lr=case["learningRate"])
    for epoch in read("order.bin", "uint32").astype("int64").reshape(-1, case["initial"]):
        for at in range(0, case["initial"], case["batch"]):
            chosen = torch.from_numpy(epoch[at : at + case["batch"]])
            step(model, optimizer, inputs[chosen], labels[chosen])
    # Together, so that the copies of the optimizer move the copies of the parameters.
    start = (model, optimizer)
    print(json.dumps({"version": torch.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        hits = run(case, start, inputs, labels, request)
        hits.tofile(folder / f"{request['name']}.bin")
        print(json.dumps({"accuracy": float(hits.mean())}), flush=True)


main()
