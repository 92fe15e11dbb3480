#!/usr/bin/env python3
"""Writes PyTorch's learning rates (and momenta) of each schedule, step by step, to schedules.json beside this script.

usage: python3 tests/golden/schedules.py   (needs PyTorch)
Two groups with rates 0.5 and 0.05. A row is the state before the first step and after each of the others.
"""
import json
import math
import os
import warnings

import torch
from torch.optim import lr_scheduler as s

warnings.filterwarnings("ignore")
STEPS = 24
SGD = lambda groups: torch.optim.SGD(groups, lr=1, momentum=0.9)
ADAM = lambda groups: torch.optim.Adam(groups, lr=1)
METRICS = [1.0, 0.9, 0.95, 0.9, 0.91, 0.92, 0.5, 0.49995, 0.6, 0.7, 0.6, 0.7, 0.6, 0.4, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.9, 0.9, 0.9, 0.9]
CASES = {
    "step": lambda o: s.StepLR(o, step_size=3, gamma=0.5),
    "multiStep": lambda o: s.MultiStepLR(o, milestones=[2, 7, 7, 15], gamma=0.3),
    "exponential": lambda o: s.ExponentialLR(o, gamma=0.9),
    "polynomial": lambda o: s.PolynomialLR(o, total_iters=10, power=2.0),
    "cosine": lambda o: s.CosineAnnealingLR(o, T_max=10, eta_min=0.01),
    "cosine restarts": lambda o: s.CosineAnnealingWarmRestarts(o, T_0=3, T_mult=2, eta_min=0.01),
    "cosine restarts, equal": lambda o: s.CosineAnnealingWarmRestarts(o, T_0=5),
    "linear": lambda o: s.LinearLR(o, start_factor=0.25, end_factor=0.8, total_iters=6),
    "constant": lambda o: s.ConstantLR(o, factor=0.25, total_iters=4),
    "lambda": lambda o: s.LambdaLR(o, [lambda t: 0.95**t, lambda t: 1 / (1 + t)]),
    "one cycle": lambda o: s.OneCycleLR(o, max_lr=1.0, total_steps=STEPS + 1),
    "one cycle, linear, three phases": lambda o: s.OneCycleLR(
        o,
        max_lr=[1.0, 0.3],
        epochs=5,
        steps_per_epoch=5,
        pct_start=0.4,
        anneal_strategy="linear",
        base_momentum=0.8,
        max_momentum=0.9,
        div_factor=10,
        final_div_factor=100,
        three_phase=True,
    ),
    "one cycle, adam": lambda o: s.OneCycleLR(o, max_lr=1.0, total_steps=STEPS + 1, pct_start=0.25),
    "one cycle, momentum alone": lambda o: s.OneCycleLR(o, max_lr=1.0, total_steps=STEPS + 1, cycle_momentum=False),
    "sequential": lambda o: s.SequentialLR(
        o,
        [s.LinearLR(o, start_factor=0.1, total_iters=4), s.CosineAnnealingLR(o, T_max=12), s.ConstantLR(o, 0.01, 100)],
        milestones=[4, 16],
    ),
    "chained": lambda o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 3), s.ExponentialLR(o, 0.9), s.StepLR(o, 5)]),
    "plateau": lambda o: s.ReduceLROnPlateau(o, factor=0.5, patience=2),
    "plateau, all": lambda o: s.ReduceLROnPlateau(
        o, mode="max", factor=0.3, patience=1, threshold=0.05, threshold_mode="abs", cooldown=2, min_lr=[0.02, 0.0], eps=1e-5
    ),
    "plateau, max, rel": lambda o: s.ReduceLROnPlateau(o, mode="max", patience=3, threshold=0.1),
    "plateau, min, abs": lambda o: s.ReduceLROnPlateau(o, patience=0, threshold=0.02, threshold_mode="abs", min_lr=0.001),
}


def row(optimizer):
    groups = optimizer.param_groups
    momenta = [g["momentum"] if "momentum" in g else g["betas"][0] for g in groups]
    return [g["lr"] for g in groups] + momenta


def run(name, make):
    groups = [{"params": [torch.zeros(1, requires_grad=True)], "lr": lr} for lr in (0.5, 0.05)]
    optimizer = (ADAM if "adam" in name else SGD)(groups)
    schedule = make(optimizer)
    rows = [row(optimizer)]
    for step in range(STEPS):
        optimizer.step()
        if name.startswith("plateau"):
            schedule.step(METRICS[step])
        else:
            schedule.step()
        rows.append(row(optimizer))
    return [[float(f"{value:.13g}") for value in values] for values in rows]


def main():
    lines = [f"{json.dumps(name)}: {json.dumps(run(name, make))}" for name, make in CASES.items()]
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schedules.json")
    with open(path, "w") as file:
        file.write("{\n" + ",\n".join(lines) + "\n}\n")


main()
