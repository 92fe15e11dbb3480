#!/usr/bin/env python3
"""Writes what PyTorch's recurrent cells and layers and attention layers give, with gradients, to three files beside it.

usage: python3 tests/golden/sequences.py   (needs PyTorch)
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


def multihead(inputs, masks=None, average=True, **options):
    """inputs: shapes of query, and of key and value where they are others."""
    module = nn.MultiheadAttention(4, 2, **options)
    set_weights(module)
    given = [fixed(shape, 0.1 + 0.1 * i).requires_grad_() for i, shape in enumerate(inputs)]
    query = given[0]
    key = given[1] if len(given) > 1 else query
    value = given[2] if len(given) > 2 else key
    return record(module, given, module(query, key, value, average_attn_weights=average, **(masks or {})))


class Additive(nn.Module):
    """Bahdanau, Cho and Bengio 2015, written out."""

    def __init__(self, query, key, hidden):
        super().__init__()
        self.query = nn.Linear(query, hidden, bias=False)
        self.key = nn.Linear(key, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)

    def forward(self, query, key, value, padding=None):
        energy = torch.tanh(self.query(query)[:, :, None] + self.key(key)[:, None])
        scores = self.score(energy)[..., 0]
        if padding is not None:
            scores = scores.masked_fill(padding[:, None], -math.inf)
        weights = torch.softmax(scores, -1)
        return weights @ value, weights


def additive(inputs, padding=None):
    module = Additive(3, 4, 5)
    set_weights(module)
    given = [fixed(shape, 0.1 + 0.1 * i).requires_grad_() for i, shape in enumerate(inputs)]
    return record(module, given, module(given[0], given[1], given[-1], padding))


def attention():
    padding = torch.tensor([[False, False, True], [False, False, False]])
    forbidden = torch.tensor([[False, True, False], [False, False, True], [True, False, False]])
    per_head = torch.stack([forbidden.roll(i, 0) for i in range(4)])
    cross = [[3, 2, 4], [5, 2, 4]]
    return {
        "self": multihead([[3, 2, 4]]),
        "self, heads apart": multihead([[3, 2, 4]], average=False),
        "self, batch first": multihead([[2, 3, 4]], batch_first=True),
        "self, no bias": multihead([[3, 2, 4]], bias=False),
        "cross": multihead(cross),
        "cross, values of their own": multihead([*cross, [5, 2, 4]]),
        "other sizes": multihead([[3, 2, 4], [5, 2, 3], [5, 2, 6]], kdim=3, vdim=6),
        "padding": multihead([[3, 2, 4]], {"key_padding_mask": padding}),
        "bool mask": multihead([[3, 2, 4]], {"attn_mask": forbidden}),
        "causal": multihead([[3, 2, 4]], {"attn_mask": torch.ones(3, 3).triu(1).bool()}),
        "mask per head, padding": multihead([[3, 2, 4]], {"attn_mask": per_head, "key_padding_mask": padding}),
        "added mask, padding": multihead([[3, 2, 4]], {"attn_mask": fixed([3, 3], 0.9), "key_padding_mask": padding}),
        "additive": additive([[2, 2, 3], [2, 3, 4]]),
        "additive, values": additive([[2, 2, 3], [2, 3, 4], [2, 3, 2]]),
        "additive, padding": additive([[2, 2, 3], [2, 3, 4]], padding),
    }


KINDS = {"rnn": nn.RNN, "relu": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
NAMES = {"num_layers": "numLayers", "batch_first": "batchFirst", "proj_size": "projSize"}


def layer(kind, lengths=None, with_state=True, **options):
    """Input [5, 3, 2], hidden size 3. Padded inputs have numbers behind the end, which must not count."""
    module = KINDS[kind](2, 3, **({"nonlinearity": "relu"} if kind == "relu" else {}), **options)
    set_weights(module)
    batch_first = options.get("batch_first", False)
    x = fixed([3, 5, 2] if batch_first else [5, 3, 2], 0.1).requires_grad_()
    count = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    sizes = [options.get("proj_size") or 3, 3] if kind == "lstm" else [3]
    states = [fixed([count, 3, size], 0.2 + 0.1 * i).requires_grad_() for i, size in enumerate(sizes)]
    given = states if with_state else []
    packed = x
    if lengths:
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=batch_first, enforce_sorted=False)
    y, final = module(packed, *([tuple(given)] if kind == "lstm" and given else given))
    if lengths:
        y, _ = nn.utils.rnn.pad_packed_sequence(y, batch_first=batch_first, total_length=5)
    told = {NAMES.get(name, name): value for name, value in options.items()}
    finals = list(final) if kind == "lstm" else [final]
    return {"kind": kind, "options": told, "lengths": lengths, **record(module, [x, *given], [y, *finals])}


def layers():
    out = {}
    for kind in KINDS:
        for num_layers in [1, 2]:
            for bidirectional in [False, True]:
                for lengths in [None, [3, 5, 1]]:
                    label = f"{kind}, {num_layers} layers{', both ways' if bidirectional else ''}"
                    label += ", lengths" if lengths else ""
                    out[label] = layer(kind, lengths, num_layers=num_layers, bidirectional=bidirectional)
        both = {"num_layers": 2, "bidirectional": True, "batch_first": True}
        out[f"{kind}, batch first"] = layer(kind, batch_first=True)
        out[f"{kind}, batch first, 2 layers, both ways, lengths"] = layer(kind, [5, 2, 4], **both)
        out[f"{kind}, no bias"] = layer(kind, bias=False)
        out[f"{kind}, no state"] = layer(kind, [2, 2, 5], with_state=False, bidirectional=True)
    out["gru, 3 layers"] = layer("gru", num_layers=3)
    out["lstm, projection"] = layer("lstm", proj_size=2)
    out["lstm, projection, 2 layers, both ways, lengths"] = layer(
        "lstm", [3, 5, 1], num_layers=2, bidirectional=True, proj_size=2
    )
    return out


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    for name, cases in {"cells": cells(), "attention": attention(), "recurrent": layers()}.items():
        with open(os.path.join(here, f"{name}.json"), "w") as file:
            body = ",\n".join(f"{json.dumps(label)}: {json.dumps(value)}" for label, value in cases.items())
            file.write(f"{{\n{body}\n}}\n")


main()
