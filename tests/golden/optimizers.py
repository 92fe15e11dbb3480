#!/usr/bin/env python3
"""Writes PyTorch's parameters after some steps of each optimizer to optimizers.json beside this script, in float64.

usage: python3 tests/golden/optimizers.py   (needs PyTorch)
The loss is sum(w (x - t)^2 / 2 + x^4 / 40), t moving from step to step. Two groups: the second has half the rate.
"""
import json
import math
import os

import torch

START = [0.5, -1.0, 2.0, -0.25, 0.0]
WEIGHTS = torch.tensor([1, -2, 0.5, 3, 0.1], dtype=torch.float64)
STEPS = 24
KEPT = [1, 2, 6, 12, 24]
CASES = {
    "sgd": ("SGD", dict(lr=0.1)),
    "sgd, momentum": ("SGD", dict(lr=0.1, momentum=0.9)),
    "sgd, dampening, decay": ("SGD", dict(lr=0.1, momentum=0.9, dampening=0.4, weight_decay=0.1)),
    "sgd, nesterov, decay": ("SGD", dict(lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.01)),
    "rmsprop": ("RMSprop", dict(lr=0.02)),
    "rmsprop, centered": ("RMSprop", dict(lr=0.02, alpha=0.9, centered=True, eps=1e-4)),
    "rmsprop, momentum, decay": ("RMSprop", dict(lr=0.02, momentum=0.7, weight_decay=0.1)),
    "rmsprop, all": ("RMSprop", dict(lr=0.01, alpha=0.95, centered=True, eps=1e-3, momentum=0.5, weight_decay=0.2)),
    "adagrad": ("Adagrad", dict(lr=0.1)),
    "adagrad, all": ("Adagrad", dict(lr=0.2, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.3, eps=1e-3)),
    "adadelta": ("Adadelta", dict(lr=1.0)),
    "adadelta, all": ("Adadelta", dict(lr=0.7, rho=0.8, eps=1e-3, weight_decay=0.1)),
    "adam": ("Adam", dict(lr=0.1)),
    "adam, betas, eps, decay": ("Adam", dict(lr=0.1, betas=(0.5, 0.9), eps=1e-3, weight_decay=0.2)),
    "adam, amsgrad": ("Adam", dict(lr=0.3, betas=(0.9, 0.5), amsgrad=True)),
    "adamW": ("AdamW", dict(lr=0.1)),
    "adamW, decay, amsgrad": ("AdamW", dict(lr=0.1, weight_decay=0.5, amsgrad=True)),
    "adamax": ("Adamax", dict(lr=0.1)),
    "adamax, all": ("Adamax", dict(lr=0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.2)),
    # foreach: PyTorch 1.13's other loop multiplies mu twice (corrected in 2.0).
    "nadam": ("NAdam", dict(lr=0.1, foreach=True)),
    "nadam, all": ("NAdam", dict(lr=0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.2, momentum_decay=0.02, foreach=True)),
    "radam": ("RAdam", dict(lr=0.1)),
    "radam, all": ("RAdam", dict(lr=0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.2)),
    "radam, never rectified": ("RAdam", dict(lr=0.05, betas=(0.9, 0.5))),
}


def target(step):
    return math.sin(step)


def loss_of(x, t):
    return (WEIGHTS * (x - t) ** 2 / 2 + x**4 / 40).sum()


def run(name, options):
    x, y = [torch.tensor(START, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    groups = [{"params": [x]}, {"params": [y], "lr": options["lr"] / 2}]
    optimizer = getattr(torch.optim, name)(groups, **options)
    kept = {}
    for step in range(1, STEPS + 1):
        optimizer.zero_grad()
        (loss_of(x, target(step)) + loss_of(y, target(step))).backward()
        optimizer.step()
        if step in KEPT:
            kept[step] = x.tolist() + y.tolist()
    return kept


def convex(x):
    return (x[0] - 1) ** 2 + 3 * (x[1] + 2) ** 2 + x[0] * x[1] / 2 + x[2] ** 4 + (x[2] - 1) ** 2


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


LBFGS = {
    "no line search": (convex, [0.0, 0.0, 0.0], dict(lr=0.1, max_iter=4)),
    "small history": (convex, [1.0, 2.0, -1.0], dict(lr=0.5, max_iter=6, history_size=2)),
    "strong wolfe": (rosenbrock, [-1.2, 1.0, 0.5], dict(lr=1, max_iter=5, line_search_fn="strong_wolfe")),
    "few evaluations": (
        rosenbrock,
        [0.3, -0.4, 0.5],
        dict(lr=0.3, max_iter=20, max_eval=7, line_search_fn="strong_wolfe", history_size=3),
    ),
}


def run_lbfgs(function, start, options):
    x = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([x], **options)
    calls = [0]

    def closure():
        calls[0] += 1
        optimizer.zero_grad()
        loss = function(x)
        loss.backward()
        return loss

    rows = []
    for _ in range(6):
        before = calls[0]
        loss = optimizer.step(closure)
        rows.append({"loss": float(loss), "x": x.tolist(), "calls": calls[0] - before})
    return rows


def main():
    out = {name: run(*case) for name, case in CASES.items()}
    lbfgs = {name: run_lbfgs(*case) for name, case in LBFGS.items()}
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in {**out, "lbfgs": lbfgs}.items()]
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "optimizers.json")
    with open(path, "w") as file:
        file.write("{\n" + ",\n".join(lines) + "\n}\n")


main()
