"""Golden numbers of torch's losses for packages/engine/src/losses, run by hand:

    python bench/peers/golden_losses.py > packages/engine/src/losses/losses.golden.json

All in float64. Per case: the mean by torch's own reduction, and, with a weight for each sample, the
weighted sum of the losses with its gradient. The weight of sample 1 is 0.
"""

import json
import math

import torch
from torch import nn

SAMPLES = 5
CLASSES = 4
WEIGHTS = [0.5, 0.0, 1.0, 2.0, 1.5]
CLASS_WEIGHTS = [0.2, 1.0, 0.0, 3.0]


def waves(count, phase, size):
    """size · sin(12.9898 i + phase), rounded so that it is the same in float32 and float64."""
    return [round(size * math.sin(12.9898 * i + phase) * 64) / 64 for i in range(count)]


LOGITS = waves(SAMPLES * CLASSES, 0.5, 4)
CLASSES_OF = [3, 0, 1, 3, 2]
SOFT = torch.softmax(torch.tensor(waves(SAMPLES * CLASSES, 2, 2)).reshape(SAMPLES, -1), 1)
SOFT = (SOFT * 64).round() / 64
PROBABILITIES = [abs(x) for x in waves(SAMPLES * CLASSES, 1, 1)]
NUMBERS = waves(SAMPLES * CLASSES, 3, 3)


def cross_entropy(targets, **options):
    if "weight" in options:
        options["weight"] = torch.tensor(options["weight"]).double()
    return targets, lambda reduction: nn.CrossEntropyLoss(reduction=reduction, **options)


def softmax(**settings):
    return {"kind": "softmaxCrossEntropy", **settings}


CASES = {
    "softmax cross-entropy": (softmax(), *cross_entropy(CLASSES_OF)),
    "with class weights": (
        softmax(classWeights=CLASS_WEIGHTS),
        *cross_entropy(CLASSES_OF, weight=CLASS_WEIGHTS),
    ),
    "with label smoothing": (
        softmax(labelSmoothing=0.1),
        *cross_entropy(CLASSES_OF, label_smoothing=0.1),
    ),
    "with an ignored label": (
        softmax(ignoreIndex=-100),
        *cross_entropy([3, 0, -100, 3, 2], ignore_index=-100),
    ),
    "with an ignored class": (softmax(ignoreIndex=3), *cross_entropy(CLASSES_OF, ignore_index=3)),
    "with all settings of integer labels": (
        softmax(classWeights=CLASS_WEIGHTS, labelSmoothing=0.2, ignoreIndex=-1),
        *cross_entropy(
            [3, 0, -1, 3, 1], weight=CLASS_WEIGHTS, label_smoothing=0.2, ignore_index=-1
        ),
    ),
    "with soft labels": (softmax(labels="soft"), *cross_entropy(SOFT)),
    "with all settings of soft labels": (
        softmax(labels="soft", classWeights=CLASS_WEIGHTS, labelSmoothing=0.2),
        *cross_entropy(SOFT, weight=CLASS_WEIGHTS, label_smoothing=0.2),
    ),
    "binary cross-entropy": (
        {"kind": "binaryCrossEntropyWithLogits"},
        PROBABILITIES,
        lambda reduction: nn.BCEWithLogitsLoss(reduction=reduction),
    ),
    "mean squared error": (
        {"kind": "meanSquaredError"},
        NUMBERS,
        lambda reduction: nn.MSELoss(reduction=reduction),
    ),
    "Huber": ({"kind": "huber"}, NUMBERS, lambda reduction: nn.HuberLoss(reduction)),
    "Huber with another delta": (
        {"kind": "huber", "delta": 2.5},
        NUMBERS,
        lambda reduction: nn.HuberLoss(reduction, delta=2.5),
    ),
}


def run(name, spec, targets, make):
    logits = torch.tensor(LOGITS).double().reshape(SAMPLES, CLASSES).requires_grad_()
    targets = torch.as_tensor(targets)
    if targets.is_floating_point():
        targets = targets.double().reshape(SAMPLES, CLASSES)
    losses = make("none")(logits, targets)
    if losses.dim() > 1:
        losses = losses.mean(1)
    loss = (losses * torch.tensor(WEIGHTS).double()).sum()
    loss.backward()
    return {
        "name": name,
        "spec": spec,
        "targets": targets.flatten().tolist(),
        "mean": make("mean")(logits, targets).item(),
        "loss": loss.item(),
        "gradient": logits.grad.flatten().tolist(),
    }


if __name__ == "__main__":
    cases = [json.dumps(run(name, *case)) for name, case in CASES.items()]
    print(f'{{"torch": "{torch.__version__}",')
    print(f'"shape": [{SAMPLES}, {CLASSES}], "logits": {LOGITS}, "weights": {WEIGHTS},')
    print('"cases": [\n' + ",\n".join(cases) + "\n]}")
