"""Recurrent layers on given gates, for the expressions of `tests/ops/recurrent.cases.ts`; imported by generate.py.

The input weight is the identity, so that PyTorch's input product is the gates themselves. Both directions run with the
same weights, packed to the given lengths, and one of them is taken. Results are outputs and final states, flattened.
"""
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def _flat(*parts):
    return torch.cat([part.reshape(-1) for part in parts])


def _both(state, batch, hidden, like):
    one = like.new_zeros(batch, hidden) if state is None else state
    return torch.stack([one, one])


def _run(kind, gates, weights, biases, states, reverse, lengths, hidden):
    steps, batch, width = gates.shape
    params = [torch.eye(width, dtype=gates.dtype)] + weights[:1] + biases + weights[1:]
    sizes = [steps] * batch if lengths is None else [int(n) for n in lengths]
    packed = pack_padded_sequence(gates, sizes, enforce_sorted=False)
    order = packed.sorted_indices
    states = [state.index_select(1, order) for state in states]
    hx = states if kind == "lstm" else states[0]
    function = getattr(torch._VF, kind)
    y, *finals = function(packed.data, packed.batch_sizes, hx, params * 2, bool(biases), 1, 0.0, False, True)
    y = pad_packed_sequence(packed._replace(data=y), total_length=steps)[0]
    y = y[..., hidden:] if reverse else y[..., :hidden]
    finals = [final.index_select(1, packed.unsorted_indices)[int(reverse)] for final in finals]
    return _flat(y, *finals)


def lstm(gates, weight, h0=None, c0=None, reverse=False, lengths=None, weight_hr=None):
    batch, hidden = gates.shape[1], gates.shape[2] // 4
    out = hidden if weight_hr is None else weight_hr.shape[0]
    weights = [weight] if weight_hr is None else [weight, weight_hr]
    states = [_both(h0, batch, out, gates), _both(c0, batch, hidden, gates)]
    return _run("lstm", gates, weights, [], states, reverse, lengths, out)


def gru(gates, weight, h0=None, bias_hn=None, reverse=False, lengths=None):
    batch, hidden = gates.shape[1], gates.shape[2] // 3
    zeros = gates.new_zeros(3 * hidden)
    biases = [] if bias_hn is None else [zeros, torch.cat([zeros[hidden:], bias_hn])]
    return _run("gru", gates, [weight], biases, [_both(h0, batch, hidden, gates)], reverse, lengths, hidden)


def rnn(gates, weight, h0=None, relu=False, reverse=False, lengths=None):
    batch, hidden = gates.shape[1:]
    kind = "rnn_relu" if relu else "rnn_tanh"
    return _run(kind, gates, [weight], [], [_both(h0, batch, hidden, gates)], reverse, lengths, hidden)


def lstm_loop(gates, weight, peephole, h0, c0):
    """PyTorch has no peepholes; rows of `peephole` are i, o, f."""
    h, c, outputs = h0, c0, []
    for x in gates:
        i, f, g, o = (x + h @ weight.T).chunk(4, 1)
        i, f = torch.sigmoid(i + peephole[0] * c), torch.sigmoid(f + peephole[2] * c)
        c = f * c + i * torch.tanh(g)
        h = torch.sigmoid(o + peephole[1] * c) * torch.tanh(c)
        outputs.append(h)
    return _flat(torch.stack(outputs), h, c)


def gru_loop(gates, weight, h0, bias_hn):
    """The variant that resets h before the product."""
    hidden = weight.shape[1]
    h, outputs = h0, []
    for x in gates:
        r, z = torch.sigmoid(x[:, : 2 * hidden] + h @ weight[: 2 * hidden].T).chunk(2, 1)
        n = torch.tanh(x[:, 2 * hidden :] + (r * h) @ weight[2 * hidden :].T + bias_hn)
        h = (1 - z) * n + z * h
        outputs.append(h)
    return _flat(torch.stack(outputs), h)
