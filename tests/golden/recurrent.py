#!/usr/bin/env python3
"""Writes what PyTorch's recurrent cells give, with gradients, to cells.json beside this script.

usage: python3 tests/golden/recurrent.py   (needs PyTorch)
Inputs, states and weights are sines of their positions; gradients are of the sum of outputs and states, weighted.
"""
import json
import math
import os

import torch
from torch import nn


def fixed(shape, phase):
    size = math.prod(shape)
    values = [math.sin(1.3 * i + phase) for i in range(size)]
    return torch.tensor(values, dtype=torch.float64).float().reshape(shape)


def numbers(t):
    return [float(f"{v:.9g}") for v in t.detach().reshape(-1).tolist()]


def weighted(tensors):
    """What gradients are taken of: sum(t * w) with weights as in the op tables."""
    total = 0
    for t in tensors:
        w = torch.tensor([math.sin(1.7 * i + 0.3) + 0.1 for i in range(t.numel())], dtype=torch.float64).float()
        total = total + (t.reshape(-1) * w).sum()
    return total


def set_weights(module):
    with torch.no_grad():
        for i, parameter in enumerate(module.parameters()):
            parameter.copy_(fixed(parameter.shape, 0.7 + 0.5 * i))


def record(module, inputs, outputs):
    weighted(outputs).backward()
    return {
        "outputs": [numbers(t) for t in outputs],
        "inputs": [numbers(t.grad) for t in inputs],
        "weights": {name: numbers(p.grad) for name, p in module.named_parameters()},
    }


def cell(module, batch, with_state=True):
    set_weights(module)
    outer = [] if batch is None else [batch]
    x = fixed([*outer, module.input_size], 0.1).requires_grad_()
    count = 2 if isinstance(module, nn.LSTMCell) else 1
    states = [fixed([*outer, module.hidden_size], 0.2 + 0.1 * i).requires_grad_() for i in range(count)]
    given = states if with_state else []
    y = module(x, *([tuple(given)] if count == 2 and given else given))
    return record(module, [x, *given], y if isinstance(y, tuple) else [y])


def cells():
    return {
        "rnn, tanh": cell(nn.RNNCell(3, 4), 2),
        "rnn, relu": cell(nn.RNNCell(3, 4, nonlinearity="relu"), 2),
        "rnn, no bias": cell(nn.RNNCell(3, 4, bias=False), 2),
        "lstm": cell(nn.LSTMCell(3, 4), 2),
        "lstm, no bias": cell(nn.LSTMCell(3, 4, bias=False), 2),
        "lstm, no state": cell(nn.LSTMCell(3, 4), 2, with_state=False),
        "lstm, no batch": cell(nn.LSTMCell(3, 4), None),
        "gru": cell(nn.GRUCell(3, 4), 2),
        "gru, no bias": cell(nn.GRUCell(3, 4, bias=False), 2),
        "gru, no batch": cell(nn.GRUCell(3, 4), None),
    }


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    for name, cases in {"cells": cells()}.items():
        with open(os.path.join(here, f"{name}.json"), "w") as file:
            body = ",\n".join(f"{json.dumps(label)}: {json.dumps(value)}" for label, value in cases.items())
            file.write(f"{{\n{body}\n}}\n")


main()
