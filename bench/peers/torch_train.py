"""Times training steps of PyTorch, one round per line on stdin, for bench/train.ts and memory.ts.

    python torch_train.py JOB

JOB is JSON: {"builder", "options"} as torch_models.py has them, {"sampleShape", "idLimits",
"classes", "batch", "optimizer"}. First writes {"version"}; then answers

    {"command": "time", "format", "steps"} with {"stepMs"}: the median over the steps of forward,
        backward, optimizer and reading the loss
    {"command": "memory"} with {"peakBytes", "baseBytes"}: the most that the process has had, and
        what it had before its first model

Uses all cores.
"""

import json
import os
import re
import sys
import time

import torch
from torch import nn

from torch_models import build

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=1e-4),
}


def random_inputs(job):
    """Normal numbers; ids where there are limits, as integers where all are ids."""
    limits = job.get("idLimits") or []
    inputs = torch.randn(job["batch"], *job["sampleShape"])
    for column, limit in enumerate(limits):
        if limit is not None:
            inputs[:, column] = torch.randint(limit, (job["batch"],)).float()
    return inputs.long() if limits and None not in limits else inputs


def stepper(job, memory_format):
    """A function that makes one training step."""
    torch.manual_seed(1)
    model = build(job["builder"], job["options"]).train()
    inputs = random_inputs(job)
    targets = torch.randint(job["classes"], (job["batch"],))
    if memory_format == "channels_last":
        model = model.to(memory_format=torch.channels_last)
        inputs = inputs.to(memory_format=torch.channels_last)
    optimizer = OPTIMIZERS[job["optimizer"]](model.parameters())

    def step():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def median_time(step, count):
    times = []
    for _ in range(count):
        started = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - started))
    times.sort()
    return times[len(times) // 2]


def memory(kind):
    """Bytes from the process's own entry in /proc: VmHWM is the peak, VmRSS what there is now."""
    with open("/proc/self/status") as status:
        return int(re.search(rf"{kind}:\s+(\d+) kB", status.read())[1]) * 1024


def main(job):
    torch.set_num_threads(os.cpu_count())
    base = memory("VmRSS")
    steppers = {}
    print(json.dumps({"version": torch.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if request["command"] == "memory":
            answer = {"peakBytes": memory("VmHWM"), "baseBytes": base}
        else:
            memory_format = request["format"]
            if memory_format not in steppers:
                steppers[memory_format] = stepper(job, memory_format)
            answer = {"stepMs": median_time(steppers[memory_format], request["steps"])}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
