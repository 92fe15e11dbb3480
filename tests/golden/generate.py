#!/usr/bin/env python3
"""Writes PyTorch's results for the op rows, one JSON file per op, beside this script.

usage: npm run golden   (pipes tests/golden/dump-cases.ts into this script; needs PyTorch)
Forward in float32; gradients of sum(y * w) with the fixed weights w that the tests use as well.
"""
import json
import math
import os
import sys
import warnings

import torch
import torch.nn.functional as F

import recurrent_ops

warnings.filterwarnings("ignore")
DTYPES = {
    "float32": torch.float32,
    "float64": torch.float64,
    "int32": torch.int32,
    "int64": torch.int64,
    "uint8": torch.uint8,
    "bool": torch.bool,
}


def tensor(spec):
    values = [float(v) if isinstance(v, str) else v for v in spec["values"]]
    dtype = DTYPES[spec["dtype"]]
    return torch.tensor(values, dtype=torch.float64).to(dtype).reshape(spec["shape"])


def numbers(t):
    """Nine significant digits carry a float32 exactly; JSON has no NaN or infinity, so those are strings."""
    flat = t.detach().reshape(-1).tolist()
    out = []
    for v in flat:
        v = float(v)
        if not math.isfinite(v):
            out.append({"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(v)])
        else:
            out.append(int(v) if v == int(v) and abs(v) < 1e15 else float(f"{v:.9g}"))
    return out


def weights(size):
    return torch.tensor([math.sin(1.7 * i + 0.3) + 0.1 for i in range(size)], dtype=torch.float64)


def result(row):
    inputs = [tensor(spec) for spec in row["inputs"]]
    differentiable = [t for t in inputs if t.dtype.is_floating_point] if row["gradient"] else []
    for t in differentiable:
        t.requires_grad_()
    scope = dict(zip("abcdefgh", inputs), torch=torch, F=F, math=math, recurrent=recurrent_ops)
    y = eval(row["torch"], scope)
    out = {"shape": list(y.shape), "y": numbers(y)}
    if differentiable and y.dtype.is_floating_point and y.requires_grad:
        w = weights(y.numel()).to(y.dtype).reshape(y.shape)
        grads = torch.autograd.grad((y * w).sum(), differentiable, allow_unused=True)
        out["gradients"] = [numbers(torch.zeros_like(t) if g is None else g) for t, g in zip(differentiable, grads)]
    return out


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    by_op = {}
    failed = 0
    for row in json.load(sys.stdin):
        try:
            by_op.setdefault(row["op"], {})[row["label"]] = result(row)
        except Exception as error:  # a row that PyTorch refuses is a mistake in the row
            failed += 1
            print(f"{row['op']} / {row['label']}: {row['torch']}: {error}", file=sys.stderr)
    for op, rows in sorted(by_op.items()):
        with open(os.path.join(here, f"{op}.json"), "w") as file:
            body = ",\n".join(f"{json.dumps(label)}: {json.dumps(value)}" for label, value in rows.items())
            file.write(f"{{\n{body}\n}}\n")
    print(f"{sum(map(len, by_op.values()))} rows of {len(by_op)} ops, {failed} failed; PyTorch {torch.__version__}")
    sys.exit(1 if failed else 0)


main()
