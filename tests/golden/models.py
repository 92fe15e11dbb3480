#!/usr/bin/env python3
"""Writes what PyTorch gives for whole models, with gradients, to models.json beside this script.

Weights are numbers that a formula gives (`fixed`), so that they need not be stored; of gradients the norm and a few
elements are.

usage: python3 tests/golden/models.py   (needs PyTorch and torchvision)
"""
import json
import os
import sys
import types

import numpy as np
import torch

try:
    import torchvision
except RuntimeError:
    # Without its compiled operators: only the definitions of models are needed.
    for module in [name for name in sys.modules if name.startswith("torchvision")]:
        del sys.modules[module]
    sys.modules["torchvision._meta_registrations"] = types.ModuleType("torchvision._meta_registrations")
    import torchvision
from torch import nn


def fixed(shape, seed):
    """Numbers in [-1, 1), the same in tests/models/fixed.ts."""
    x = np.arange(int(np.prod(shape)), dtype=np.uint32) * np.uint32(2654435761) + np.uint32(seed * 974711 % 2**32)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x45D9F3B)
    x ^= x >> np.uint32(16)
    return torch.from_numpy((x.astype(np.float64) / 2**31 - 1).astype(np.float32)).reshape(shape)


def fill(model):
    with torch.no_grad():
        for i, (name, parameter) in enumerate(model.named_parameters()):
            values = fixed(tuple(parameter.shape), i + 1)
            if parameter.dim() > 1:
                parameter.copy_(values * (6 * parameter.shape[0] / parameter.numel()) ** 0.5)
            else:
                parameter.copy_(values * 0.2 + (1 if name.endswith("weight") else 0))


def resnet18_cifar():
    model = torchvision.models.resnet18(weights=None, num_classes=10)
    model.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
    model.maxpool = nn.Identity()
    return model


def gradients(model, loss):
    """Of each parameter the norm and five elements."""
    out = {}
    grads = torch.autograd.grad(loss, list(model.parameters()))
    for (name, _), grad in zip(model.named_parameters(), grads):
        flat = grad.reshape(-1)
        picks = [i * (flat.numel() - 1) // 4 for i in range(5)]
        out[name] = {"norm": flat.norm().item(), "picks": [[i, flat[i].item()] for i in picks]}
    return out


def run(model, shape):
    """In double precision: in training, float32 gradients of PyTorch itself are off by up to 4e-3."""
    fill(model)
    model.double()
    x = fixed(shape, 1000).double()
    labels = torch.arange(shape[0]) % 10
    out = {"state": list(model.state_dict()), "parameters": sum(p.numel() for p in model.parameters())}
    for mode in ("training", "evaluation"):
        output = model.train(mode == "training")(x)
        loss = nn.functional.cross_entropy(output, labels)
        out[mode] = {
            "output": output.reshape(-1).tolist(),
            "loss": loss.item(),
            "gradients": gradients(model, loss),
        }
    return out


def main():
    cases = {
        "resnet18 cifar": (resnet18_cifar(), (4, 3, 32, 32)),
        "resnet18": (torchvision.models.resnet18(weights=None), (2, 3, 64, 64)),
    }
    out = {name: run(model, shape) for name, (model, shape) in cases.items()}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "models.json")
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in out.items()]
    with open(path, "w") as file:
        file.write("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
