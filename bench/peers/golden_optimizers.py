"""Golden numbers of torch.optim for packages/engine/src/optimizers, run by hand:

    python bench/peers/golden_optimizers.py > packages/engine/src/optimizers/optimizers.golden.json

50 steps in float32 on one vector of parameters. The gradient of a step is a fixed function of the
step and the index, computed in float64 and rounded once, so that the test can make the same one.
"""

import json
import math

import torch

STEPS = 50
PARAMETERS = 24
RECORDED = [1, 2, 3, 10, 25, 50]

CASES = {
    "sgd": ({"kind": "sgd", "learningRate": 0.05}, lambda p: torch.optim.SGD(p, lr=0.05)),
    "sgd with momentum": (
        {"kind": "sgd", "learningRate": 0.05, "momentum": 0.9},
        lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
    ),
    "adam": ({"kind": "adam", "learningRate": 1e-3}, lambda p: torch.optim.Adam(p)),
    "adam with amsgrad": (
        {"kind": "adam", "learningRate": 0.01, "amsgrad": True},
        lambda p: torch.optim.Adam(p, lr=0.01, amsgrad=True),
    ),
    "adam with other betas and epsilon": (
        {"kind": "adam", "learningRate": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3},
        lambda p: torch.optim.Adam(p, lr=0.02, betas=(0.8, 0.95), eps=1e-3),
    ),
}


def gradient(step: int) -> list[float]:
    """Shrinking waves with very different scales per element; element 0 has gradient zero."""
    return [
        0.0 if i == 0 else math.sin(0.7 * step + i) * 10.0 ** (i % 7 - 6) / math.sqrt(step)
        for i in range(PARAMETERS)
    ]


def run(make):
    parameters = torch.tensor([math.cos(i) for i in range(PARAMETERS)], requires_grad=True)
    optimizer = make([parameters])
    recorded = {}
    for step in range(1, STEPS + 1):
        parameters.grad = torch.tensor(gradient(step))
        optimizer.step()
        if step in RECORDED:
            recorded[step] = [float(f"{value:.9g}") for value in parameters.tolist()]
    return recorded


if __name__ == "__main__":
    cases = [
        {"name": name, "spec": spec, "parameters": run(make)}
        for name, (spec, make) in CASES.items()
    ]
    print(json.dumps({"torch": torch.__version__, "steps": STEPS, "cases": cases}, indent=1))
