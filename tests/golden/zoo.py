#!/usr/bin/env python3
"""Writes what PyTorch gives for every network of brawn/models to zoo.json beside this script.

Counts, a hash of the state dict's names and shapes, deviations of the first values; then, with weights by formula (`fill`)
and in evaluation but for auxiliary classifiers, some outputs, and of each gradient the norm and two elements. All in
double precision.

usage: python3 tests/golden/zoo.py   (needs PyTorch and torchvision, and 8 GB for the largest)
"""
import hashlib
import json
import os
import warnings

import torch
import torchvision
from torch import nn

from models import fill, fixed

warnings.filterwarnings("ignore")


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(3136, 512), nn.ReLU(), nn.Linear(512, 10),
    )


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )


def conv3x3(inputs, outputs, stride=1):
    layer = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    nn.init.kaiming_normal_(layer.weight)
    return layer


class CifarBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = conv3x3(inputs, outputs, stride)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = conv3x3(outputs, outputs)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.added = stride, (outputs - inputs) // 2

    def forward(self, x):
        inner = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        short = x[:, :, :: self.stride, :: self.stride]
        return torch.relu(inner + nn.functional.pad(short, (0, 0, 0, 0, self.added, self.added)))


class CifarResNet(nn.Module):
    """He et al., section 4.2, shortcuts of kind A."""

    def __init__(self, depth):
        super().__init__()
        count = (depth - 2) // 6
        self.conv1 = conv3x3(3, 16)
        self.bn1 = nn.BatchNorm2d(16)

        def stage(inputs, outputs):
            first = CifarBlock(inputs, outputs, 1 if inputs == outputs else 2)
            return nn.Sequential(first, *[CifarBlock(outputs, outputs, 1) for _ in range(count - 1)])

        self.layer1, self.layer2, self.layer3 = stage(16, 16), stage(16, 32), stage(32, 64)
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(torch.relu(self.bn1(self.conv1(x))))))
        return self.linear(x.mean((2, 3)))


class HighwayConv2d(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.transform = nn.Conv2d(channels, channels, 3, padding=1)
        self.gate = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.constant_(self.gate.bias, -2)

    def forward(self, x):
        gate = torch.sigmoid(self.gate(x))
        return gate * torch.relu(self.transform(x)) + (1 - gate) * x


class Highway(nn.Module):
    def __init__(self, *stages):
        super().__init__()
        self.stages = nn.ModuleList()
        inputs = 3
        for i, (channels, count) in enumerate(stages):
            layers = [nn.Conv2d(inputs, channels, 3, padding=1), nn.ReLU()]
            layers += [HighwayConv2d(channels) for _ in range(count - 1)]
            self.stages.append(nn.Sequential(*layers, *([nn.MaxPool2d(2)] if i < 2 else [])))
            inputs = channels
        self.fc = nn.Linear(inputs, 10)

    def forward(self, x):
        for stage in self.stages:
            x = stage(x)
        return self.fc(x.mean((2, 3)))


def cases():
    """By name: how it is made, its image, the image and batch that are run, whether it is always run."""
    out = {"lenet": (lenet, 1, 28, 28, True), "lenet5": (lenet5, 1, 28, 28, True)}
    vision = torchvision.models
    out["alexnet"] = (vision.alexnet, 3, 224, 63, True)
    for depth in (11, 13, 16, 19):
        for norm in ("", "_bn"):
            out[f"vgg{depth}{norm}"] = (getattr(vision, f"vgg{depth}{norm}"), 3, 224, 32, False)
    out["googlenet"] = (vision.googlenet, 3, 224, 40, True)
    for depth in (18, 34, 50, 101, 152):
        out[f"resnet{depth}"] = (getattr(vision, f"resnet{depth}"), 3, 224, 64, depth in (18, 50))
    for depth in (20, 32, 44, 56, 110):
        out[f"resnet{depth}"] = (lambda depth=depth: CifarResNet(depth), 3, 32, 32, depth == 20)
    out["highway11"] = (lambda: Highway((16, 3), (32, 3), (48, 4)), 3, 32, 32, True)
    out["highway19"] = (lambda: Highway((32, 5), (80, 6), (128, 7)), 3, 32, 32, False)
    # Sizes at which no max-pool has to decide between numbers that differ by rounding.
    for version, size in (("1_0", 40), ("1_1", 64)):
        out[f"squeezenet{version}"] = (getattr(vision, f"squeezenet{version}"), 3, 224, size, True)
    out["mobilenet_v2"] = (vision.mobilenet_v2, 3, 224, 64, True)
    return out


def multiply_adds(model, shape):
    """Of convolutions and linear layers, in evaluation."""
    total = 0

    def count(layer, _, output):
        nonlocal total
        total += output.numel() * layer.weight[0].numel()

    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    with torch.no_grad():
        model.eval()(torch.zeros(shape))
    for hook in hooks:
        hook.remove()
    return total


def rounded(value):
    return float(f"{value:.7g}")


# Seeds of the images, where with that of the others a ReLU that counts lies within rounding of zero.
IMAGES = {"resnet50": 1010}


def run(model, shape, image):
    fill(model)
    model.double().train()
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.Dropout)):
            module.eval()
    output = model(fixed(shape, image).double())
    outputs = [output] if isinstance(output, torch.Tensor) else [output.logits, output[1], output[2]]
    loss = sum((out * fixed(tuple(out.shape), 1001 + i)).sum() for i, out in enumerate(outputs))
    gradients = []
    for grad in torch.autograd.grad(loss, list(model.parameters())):
        flat = grad.reshape(-1)
        assert flat.norm() > 0
        gradients.append([rounded(v) for v in (flat.norm(), flat[flat.numel() // 3], flat[flat.numel() // 3 * 2])])
    picks = [[rounded(v) for v in out.reshape(-1)[:: max(1, out.numel() // 10)]] for out in outputs]
    return {"shape": shape, "image": image, "outputs": picks, "gradients": gradients}


def describe(name, make, channels, size, run_size, always):
    torch.manual_seed(0)
    model = make()
    state = "".join(f"{key} [{','.join(map(str, value.shape))}]\n" for key, value in model.state_dict().items())
    parameters = list(model.parameters())
    return {
        "parameters": sum(p.numel() for p in parameters),
        "multiplyAdds": multiply_adds(model, (1, channels, size, size)),
        "entries": len(model.state_dict()),
        "state": hashlib.sha256(state.encode()).hexdigest(),
        "deviations": [float(f"{p.std(unbiased=False).item():.3g}") for p in parameters],
        "always": always,
        **run(model, (2, channels, run_size, run_size), IMAGES.get(name, 1000)),
    }


def main():
    lines = [f"{json.dumps(name)}: {json.dumps(describe(name, *case), separators=(',', ':'))}" for name, case in cases().items()]
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "zoo.json"), "w") as file:
        file.write("{\n" + ",\n".join(lines) + "\n}\n")


main()
