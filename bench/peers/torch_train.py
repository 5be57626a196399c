"""Times training steps of PyTorch, one round per line on stdin, for bench/train.ts.

    python torch_train.py MODEL BATCH OPTIMIZER

First writes {"version"}; then answers {"format", "steps"} with {"stepMs"}: the median over the steps
of forward, backward, optimizer and reading the loss. Uses all cores.
"""

import json
import os
import sys
import time

import torch
from torch import nn

MODELS = {
    "lenet5": (
        (1, 28, 28),
        lambda: nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(400, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, 10),
        ),
    ),
    "mlp": (
        (784,),
        lambda: nn.Sequential(
            nn.Linear(784, 256),
            nn.ReLU(),
            nn.Linear(256, 128),
            nn.ReLU(),
            nn.Linear(128, 10),
        ),
    ),
}

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=1e-4),
}


def stepper(model_name, batch, optimizer_name, memory_format):
    """A function that makes one training step."""
    torch.manual_seed(1)
    shape, make = MODELS[model_name]
    model = make()
    inputs = torch.randn(batch, *shape)
    targets = torch.randint(0, 10, (batch,))
    if memory_format == "channels_last" and len(shape) == 3:
        model = model.to(memory_format=torch.channels_last)
        inputs = inputs.to(memory_format=torch.channels_last)
    optimizer = OPTIMIZERS[optimizer_name](model.parameters())

    def step():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def main(model_name, batch, optimizer_name):
    torch.set_num_threads(os.cpu_count())
    steppers = {
        memory_format: stepper(model_name, batch, optimizer_name, memory_format)
        for memory_format in ("NCHW", "channels_last")
    }
    print(json.dumps({"version": torch.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        step = steppers[request["format"]]
        times = []
        for _ in range(request["steps"]):
            started = time.perf_counter()
            step()
            times.append(1e3 * (time.perf_counter() - started))
        times.sort()
        print(json.dumps({"stepMs": times[len(times) // 2]}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
