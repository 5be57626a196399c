"""Golden numbers for packages/engine/src/optimizers/natural-gradient.ts, run by hand:

    python bench/peers/golden_natural_gradient.py \
        > packages/engine/src/optimizers/natural-gradient.golden.json

50 steps of torch.optim in float64 on one vector, as golden_optimizers.py. After each recorded one the
norm of its gradient under the inverse of the optimizer's own second moment; SGD keeps none, so a mean
of squares with decay 0.999 and Adam's correction takes its place.
"""

import json
import math

import torch
from golden_optimizers import PARAMETERS, RECORDED, STEPS, gradient

ADAM, ADAMW = torch.optim.Adam, torch.optim.AdamW


def of_adam(state, step, beta2, epsilon):
    second = state["max_exp_avg_sq"] if "max_exp_avg_sq" in state else state["exp_avg_sq"]
    return second / (1 - beta2**step) + epsilon**2


def of_rmsprop(state, step, alpha, epsilon):
    return state["square_avg"] / (1 - alpha**step) + epsilon**2


def of_adagrad(state, step, epsilon):
    return state["sum"] / step + epsilon**2


CASES = {
    "adam": (
        {"kind": "adam", "learningRate": 1e-3},
        lambda p: ADAM(p),
        lambda s, t: of_adam(s, t, 0.999, 1e-8),
    ),
    "adam with other betas and epsilon": (
        {"kind": "adam", "learningRate": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3},
        lambda p: ADAM(p, lr=0.02, betas=(0.8, 0.95), eps=1e-3),
        lambda s, t: of_adam(s, t, 0.95, 1e-3),
    ),
    "adam with amsgrad and weight decay": (
        {"kind": "adam", "learningRate": 0.3, "weightDecay": 0.05, "amsgrad": True},
        lambda p: ADAM(p, lr=0.3, weight_decay=0.05, amsgrad=True),
        lambda s, t: of_adam(s, t, 0.999, 1e-8),
    ),
    "adamW": (
        {"kind": "adamW", "learningRate": 1e-3},
        lambda p: ADAMW(p),
        lambda s, t: of_adam(s, t, 0.999, 1e-8),
    ),
    "rmsprop, centred": (
        {"kind": "rmsprop", "learningRate": 0.001, "centered": True},
        lambda p: torch.optim.RMSprop(p, lr=0.001, centered=True),
        lambda s, t: of_rmsprop(s, t, 0.99, 1e-8),
    ),
    "adagrad": (
        {"kind": "adagrad", "learningRate": 0.1, "weightDecay": 0.02},
        lambda p: torch.optim.Adagrad(p, lr=0.1, weight_decay=0.02),
        lambda s, t: of_adagrad(s, t, 1e-10),
    ),
    "sgd with momentum": (
        {"kind": "sgd", "learningRate": 0.05, "momentum": 0.9},
        lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
        None,
    ),
}


def run(make, fisher_of):
    parameters = torch.tensor([math.cos(i) for i in range(PARAMETERS)]).double().requires_grad_()
    optimizer = make([parameters])
    squares = torch.zeros(PARAMETERS, dtype=torch.float64)
    norms = {}
    for step in range(1, STEPS + 1):
        g = torch.tensor(gradient(step)).double()
        parameters.grad = g.clone()
        optimizer.step()
        squares = 0.999 * squares + 0.001 * g * g
        if fisher_of is None:
            fisher = squares / (1 - 0.999**step) + 1e-16
        else:
            fisher = fisher_of(optimizer.state[parameters], step)
        if step in RECORDED:
            norms[step] = float(f"{torch.sqrt((g * g / fisher).sum()).item():.9g}")
    return norms


if __name__ == "__main__":
    cases = [
        json.dumps({"name": name, "spec": spec, "norms": run(make, fisher_of)})
        for name, (spec, make, fisher_of) in CASES.items()
    ]
    print(f'{{"torch": "{torch.__version__}", "cases": [\n' + ",\n".join(cases) + "\n]}")
