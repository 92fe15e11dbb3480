"""Writes augment.json: what torchvision makes of one image, for tests/data/augment.test.ts.

    python3 tests/golden/augment.py

Needs torchvision. The image's values are (i * 37 % 101) / 101 in row-major order, channels first.
"""
import json
import os

import torch
import torchvision
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

shape = [3, 5, 7]
image = torch.tensor([(i * 37 % 101) / 101 for i in range(105)]).reshape(shape)


def affine(degrees, shift, scale, shear):
    return F.affine(image, degrees, shift, scale, [shear, 0.0], InterpolationMode.BILINEAR)


cases = {
    "affine": [
        {"args": list(args), "value": affine(*args)}
        for args in [
            (20.0, [2, -1], 1.3, 12.0),
            (-75.0, [0, 0], 0.6, 0.0),
            (0.0, [-3, 2], 1.0, -30.0),
        ]
    ],
    "brightness": [{"args": [x], "value": F.adjust_brightness(image, x)} for x in (0.4, 1.7)],
    "contrast": [{"args": [x], "value": F.adjust_contrast(image, x)} for x in (0.3, 1.9)],
    "saturation": [{"args": [x], "value": F.adjust_saturation(image, x)} for x in (0.0, 2.5)],
    "hue": [{"args": [x], "value": F.adjust_hue(image, x)} for x in (0.21, -0.5)],
}
out = {
    "torchvision": torchvision.__version__,
    "shape": shape,
    **{
        name: [{**row, "value": [round(v, 6) for v in row["value"].flatten().tolist()]} for row in rows]
        for name, rows in cases.items()
    },
}
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "augment.json")
with open(path, "w") as file:
    json.dump(out, file)
    file.write("\n")
