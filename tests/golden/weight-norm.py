#!/usr/bin/env python3
"""Writes what PyTorch's weight_norm gives, with gradients, to weight-norm.json beside this script.

usage: python3 tests/golden/weight-norm.py   (needs PyTorch)
"""
import json
import math
import os

import torch
from torch import nn


def fixed(*shape):
    size = math.prod(shape)
    return torch.tensor([math.sin(1.3 * i + 0.7) for i in range(size)]).reshape(shape)


def run(module, x, **options):
    with torch.no_grad():
        module.weight.copy_(fixed(*module.weight.shape))
        module.bias.copy_(fixed(*module.bias.shape))
    nn.utils.weight_norm(module, **options)
    first = module(x)
    with torch.no_grad():
        module.weight_g.mul_(1.5)
        module.weight_v.add_(0.25)
    y = module(x)
    y.square().sum().backward()
    names = [name for name, _ in module.named_parameters()]
    flat = lambda t: t.detach().reshape(-1).tolist()
    return {
        "names": names,
        "g": list(module.weight_g.shape),
        "first": flat(first),
        "y": flat(y),
        "gradients": {name: flat(p.grad) for name, p in module.named_parameters()},
    }


def main():
    out = {
        "linear": run(nn.Linear(3, 2), fixed(4, 3)),
        "linear, all": run(nn.Linear(3, 2), fixed(4, 3), dim=None),
        "conv2d": run(nn.Conv2d(2, 3, 2), fixed(1, 2, 3, 3)),
        "convTranspose2d, axis 1": run(nn.ConvTranspose2d(2, 3, 2), fixed(1, 2, 2, 2), dim=1),
    }
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "weight-norm.json")
    with open(path, "w") as file:
        json.dump(out, file)
        file.write("\n")


main()
