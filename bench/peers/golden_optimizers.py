"""Golden numbers of torch.optim for packages/engine/src/optimizers, run by hand:

    python bench/peers/golden_optimizers.py > packages/engine/src/optimizers/optimizers.golden.json

50 steps in float64 on one vector of parameters: torch in float32 rounds after each operation and is
up to 1.3e-6 away from that. First parameters and gradients are fixed functions of the step and the
index, rounded to float32 so that the test can make the same ones.
Schedules: the learning rates of the first 60 steps by torch.optim.lr_scheduler.
"""

import json
import math

import torch
from torch.optim import lr_scheduler

STEPS = 50
PARAMETERS = 24
RECORDED = [1, 2, 3, 10, 25, 50]
SCHEDULED_STEPS = 60


def case(kind, make, clip_norm=None, schedule=None, **settings):
    """Spec, optimizer of a list of parameters, largest norm, scheduler of an optimizer."""
    spec = {"kind": kind, **settings}
    if clip_norm is not None:
        spec["clipNorm"] = clip_norm
    if schedule is not None:
        spec["learningRate"] = SCHEDULES[schedule][0]
    return spec, make, clip_norm, schedule and SCHEDULES[schedule][1]


def warm_up(optimizer, steps, factor):
    return lr_scheduler.LinearLR(optimizer, start_factor=factor, total_iters=steps)


def noam(optimizer, steps):
    """Vaswani et al. (2017), equation 3, times what makes the highest rate that of the optimizer."""
    return lr_scheduler.LambdaLR(
        optimizer, lambda step: math.sqrt(steps) * min(max(step, 1) ** -0.5, step * steps**-1.5)
    )


# Name: our schedule, torch's scheduler of an optimizer that has the same learning rate.
SCHEDULES = {
    "constant": (
        {"kind": "constant", "learningRate": 0.3},
        lambda o: lr_scheduler.ConstantLR(o, factor=1),
    ),
    "step": (
        {"kind": "step", "learningRate": 0.3, "every": 7, "factor": 0.5},
        lambda o: lr_scheduler.StepLR(o, 7, gamma=0.5),
    ),
    "cosine": (
        {"kind": "cosine", "learningRate": 0.05, "steps": SCHEDULED_STEPS, "minimum": 0.001},
        lambda o: lr_scheduler.CosineAnnealingLR(o, SCHEDULED_STEPS, eta_min=0.001),
    ),
    "cosine after warm-up": (
        {
            "kind": "cosine",
            "learningRate": 0.05,
            "steps": SCHEDULED_STEPS - 8,
            "warmUpSteps": 8,
            "warmUpFactor": 0.1,
        },
        lambda o: lr_scheduler.SequentialLR(
            o,
            [warm_up(o, 8, 0.1), lr_scheduler.CosineAnnealingLR(o, SCHEDULED_STEPS - 8)],
            milestones=[8],
        ),
    ),
    "inverse square root after warm-up": (
        {
            "kind": "inverseSquareRoot",
            "learningRate": 0.2,
            "steps": 12,
            "warmUpSteps": 12,
            "warmUpFactor": 0,
        },
        lambda o: noam(o, 12),
    ),
    "inverse square root": (
        {"kind": "inverseSquareRoot", "learningRate": 0.3, "steps": 5},
        lambda o: lr_scheduler.LambdaLR(o, lambda step: (1 + step / 5) ** -0.5),
    ),
    "warm-up": (
        {"kind": "warmUp", "learningRate": 0.2, "warmUpSteps": 9},
        lambda o: warm_up(o, 9, 1 / 9),
    ),
    "cosine with restarts": (
        {
            "kind": "rewarmUp",
            "schedule": {"kind": "cosine", "learningRate": 0.1, "steps": 20},
            "at": [20, 40],
        },
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 20),
    ),
    "warm-up again": (
        {
            "kind": "rewarmUp",
            "schedule": {"kind": "warmUp", "learningRate": 0.2, "warmUpSteps": 6},
            "at": [25],
        },
        lambda o: lr_scheduler.SequentialLR(
            o, [warm_up(o, 6, 1 / 6), warm_up(o, 6, 1 / 6)], milestones=[25]
        ),
    ),
}

SGD = torch.optim.SGD
ADAM = torch.optim.Adam
ADAMW = torch.optim.AdamW
RMSPROP = torch.optim.RMSprop
ADAGRAD = torch.optim.Adagrad

CASES = {
    "sgd": case("sgd", lambda p: SGD(p, lr=0.05), learningRate=0.05),
    "sgd with momentum": case(
        "sgd", lambda p: SGD(p, lr=0.05, momentum=0.9), learningRate=0.05, momentum=0.9
    ),
    "sgd with weight decay": case(
        "sgd", lambda p: SGD(p, lr=0.05, weight_decay=0.1), learningRate=0.05, weightDecay=0.1
    ),
    "sgd with momentum and weight decay": case(
        "sgd",
        lambda p: SGD(p, lr=0.05, momentum=0.9, weight_decay=0.02),
        learningRate=0.05,
        momentum=0.9,
        weightDecay=0.02,
    ),
    "sgd with Nesterov's momentum": case(
        "sgd",
        lambda p: SGD(p, lr=0.05, momentum=0.8, nesterov=True),
        learningRate=0.05,
        momentum=0.8,
        nesterov=True,
    ),
    "sgd with everything": case(
        "sgd",
        lambda p: SGD(p, lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.02),
        clip_norm=0.3,
        schedule="cosine after warm-up",
        momentum=0.8,
        nesterov=True,
        weightDecay=0.02,
    ),
    "adam": case("adam", lambda p: ADAM(p), learningRate=1e-3),
    "adam with amsgrad": case(
        "adam", lambda p: ADAM(p, lr=0.01, amsgrad=True), learningRate=0.01, amsgrad=True
    ),
    "adam with other betas and epsilon": case(
        "adam",
        lambda p: ADAM(p, lr=0.02, betas=(0.8, 0.95), eps=1e-3),
        learningRate=0.02,
        beta1=0.8,
        beta2=0.95,
        epsilon=1e-3,
    ),
    "adam with weight decay": case(
        "adam", lambda p: ADAM(p, lr=0.01, weight_decay=0.05), learningRate=0.01, weightDecay=0.05
    ),
    "adam with everything": case(
        "adam",
        lambda p: ADAM(p, lr=0.3, weight_decay=0.05, amsgrad=True),
        clip_norm=0.3,
        schedule="step",
        weightDecay=0.05,
        amsgrad=True,
    ),
    "adamW": case("adamW", lambda p: ADAMW(p), learningRate=1e-3),
    "adamW with amsgrad": case(
        "adamW",
        lambda p: ADAMW(p, lr=0.02, weight_decay=0.2, amsgrad=True),
        learningRate=0.02,
        weightDecay=0.2,
        amsgrad=True,
    ),
    "adamW with schedule": case(
        "adamW",
        lambda p: ADAMW(p, lr=0.2, weight_decay=0.2),
        schedule="warm-up again",
        weightDecay=0.2,
    ),
    "rmsprop": case("rmsprop", lambda p: RMSPROP(p), learningRate=0.01),
    "rmsprop with momentum": case(
        "rmsprop",
        lambda p: RMSPROP(p, lr=0.002, alpha=0.9, eps=1e-6, momentum=0.9, weight_decay=0.01),
        learningRate=0.002,
        alpha=0.9,
        epsilon=1e-6,
        momentum=0.9,
        weightDecay=0.01,
    ),
    "rmsprop, centred": case(
        "rmsprop", lambda p: RMSPROP(p, lr=0.001, centered=True), learningRate=0.001, centered=True
    ),
    "rmsprop, centred, with momentum": case(
        "rmsprop",
        lambda p: RMSPROP(p, lr=0.0005, momentum=0.5, centered=True),
        clip_norm=0.3,
        learningRate=0.0005,
        momentum=0.5,
        centered=True,
    ),
    "adagrad": case("adagrad", lambda p: ADAGRAD(p), learningRate=0.01),
    "adagrad with everything": case(
        "adagrad",
        lambda p: ADAGRAD(
            p, lr=0.1, lr_decay=0.05, weight_decay=0.02, initial_accumulator_value=0.2, eps=1e-4
        ),
        clip_norm=0.3,
        learningRate=0.1,
        learningRateDecay=0.05,
        weightDecay=0.02,
        initialAccumulator=0.2,
        epsilon=1e-4,
    ),
}


def gradient(step: int) -> list[float]:
    """Shrinking waves with very different scales per element; element 0 has gradient zero."""
    return [
        0.0 if i == 0 else math.sin(0.7 * step + i) * 10.0 ** (i % 7 - 6) / math.sqrt(step)
        for i in range(PARAMETERS)
    ]


def run(make, clip_norm, make_scheduler):
    initial = torch.tensor([math.cos(i) for i in range(PARAMETERS)])
    parameters = initial.double().requires_grad_()
    optimizer = make([parameters])
    scheduler = make_scheduler and make_scheduler(optimizer)
    recorded = {}
    for step in range(1, STEPS + 1):
        parameters.grad = torch.tensor(gradient(step)).double()
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_([parameters], clip_norm)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        if step in RECORDED:
            recorded[step] = [float(f"{value:.9g}") for value in parameters.tolist()]
    return recorded


def rates(schedule, make_scheduler):
    """The learning rates of the first steps, in float64."""
    rate = schedule.get("schedule", schedule)["learningRate"]
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=rate)
    scheduler = make_scheduler(optimizer)
    result = []
    for _ in range(SCHEDULED_STEPS):
        result.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return result


def lines(values):
    """A JSON list with one element per line."""
    return "[\n" + ",\n".join(json.dumps(value) for value in values) + "\n]"


if __name__ == "__main__":
    cases = [
        {"name": name, "spec": spec, "parameters": run(make, clip_norm, make_scheduler)}
        for name, (spec, make, clip_norm, make_scheduler) in CASES.items()
    ]
    schedules = [
        {"name": name, "schedule": schedule, "rates": rates(schedule, make_scheduler)}
        for name, (schedule, make_scheduler) in SCHEDULES.items()
    ]
    print(f'{{"torch": "{torch.__version__}", "steps": {STEPS},')
    print(f'"cases": {lines(cases)},\n"schedules": {lines(schedules)}}}')
