"""Losses of PyTorch while it trains the auto-encoder of packages/engine/src/models, run by hand:

    python bench/peers/golden_auto_encoder.py \
        > packages/engine/src/models/fixtures/auto-encoder.golden.json

Mean squared error and Adam in float64; weights and samples follow the formulas of golden_gradients.py.
"""

import json

import torch
from golden_gradients import fill, waves
from torch import nn

INPUTS, HIDDEN, CODE, BATCH, STEPS = 9, 7, 3, 16, 40

if __name__ == "__main__":
    model = nn.Sequential(
        nn.Linear(INPUTS, HIDDEN),
        nn.Tanh(),
        nn.Linear(HIDDEN, CODE),
        nn.Tanh(),
        nn.Linear(CODE, HIDDEN),
        nn.Tanh(),
        nn.Linear(HIDDEN, INPUTS),
    )
    fill(model)
    model = model.double()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for step in range(STEPS):
        x = waves(BATCH * INPUTS, step % 4).astype("float32").reshape(BATCH, INPUTS)
        inputs = torch.from_numpy(x).double()
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(inputs), inputs)
        loss.backward()
        optimizer.step()
        losses.append(float(f"{loss.item():.9g}"))
    print(json.dumps({"torch": torch.__version__, "losses": losses}))
