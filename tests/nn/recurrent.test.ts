/** Recurrent layers: numbers, gradients and names as in PyTorch; windows, single steps, dropout, mistakes. */
import { describe, expect, it } from 'vitest';
import {
  add,
  chunk,
  compile,
  evaluate,
  linear,
  manualSeed,
  mul,
  nn,
  optim,
  randn,
  select,
  sigmoid,
  stack,
  sum,
  type Tensor,
  tanh,
  tensor,
  Variable,
  zeros,
} from '../../src/index.js';
import { expectClose } from '../ops/close.js';
import { checkInDouble, expectGolden, fixed, type Golden, readGolden, setWeights } from './sequence-golden.js';

type T = Tensor<'float32'>;
type Layer = nn.RNN | nn.LSTM | nn.GRU;
type Kind = 'rnn' | 'relu' | 'lstm' | 'gru';

interface LayerGolden extends Golden {
  readonly kind: Kind;
  readonly options: nn.LstmLayerOptions;
  readonly lengths: number[] | null;
}

const makers: Record<Kind, (options: nn.LstmLayerOptions) => Layer> = {
  rnn: (options) => nn.rnn(2, 3, options),
  relu: (options) => nn.rnn(2, 3, { ...options, nonlinearity: 'relu' }),
  lstm: (options) => nn.lstm(2, 3, options),
  gru: (options) => nn.gru(2, 3, options),
};

/** Output and parts of the final state as a list, from input and parts of the initial state. */
function run(layer: Layer, [x, ...state]: readonly T[], options?: nn.SequenceOptions): readonly T[] {
  if (layer instanceof nn.LSTM) {
    const [output, final] = layer.forward(x, state.length > 0 ? (state as T[] as [T, T]) : undefined, options);
    return [output, ...final];
  }
  return layer.forward(x, state[0], options);
}

/** As in the script. */
function inputsOf(label: string, { kind, options }: LayerGolden): T[] {
  const { numLayers = 1, bidirectional = false, batchFirst = false, projSize = 0 } = options;
  const count = numLayers * (bidirectional ? 2 : 1);
  const sizes = label.includes('no state') ? [] : kind === 'lstm' ? [projSize || 3, 3] : [3];
  return [
    fixed(batchFirst ? [3, 5, 2] : [5, 3, 2], 0.1),
    ...sizes.map((size, i) => fixed([count, 3, size], 0.2 + 0.1 * i)),
  ];
}

describe('recurrent layers', () => {
  const golden = readGolden('recurrent') as Record<string, LayerGolden>;
  it('are compared for all kinds, layers, directions and lengths', () =>
    expect(Object.keys(golden)).toHaveLength(4 * (2 * 2 * 2 + 4) + 3));

  for (const [label, expected] of Object.entries(golden)) {
    it(`${label}: outputs, final states, gradients and names as in PyTorch`, async () => {
      const layer = makers[expected.kind](expected.options);
      setWeights(layer);
      const inputs = inputsOf(label, expected);
      // Once as numbers, and as a tensor whose values are not known before the run.
      const { lengths } = expected;
      await expectGolden(layer, inputs, run(layer, inputs, lengths ? { lengths } : undefined), expected);
      if (!lengths) return;
      const later = tensor(lengths, { dtype: 'int32' }).add(0) as Tensor<'int32'>;
      const outputs = run(layer, inputs, { lengths: later });
      for (const [i, output] of outputs.entries()) expectClose(await output.data(), expected.outputs[i], 1e-5);
    });
    if (/^\w+, 2 layers, both ways, lengths$|projection$/.test(label))
      it(`${label}: gradients equal finite differences in float64`, async () => {
        const layer = makers[expected.kind](expected.options);
        setWeights(layer);
        const options = { lengths: expected.lengths ?? undefined };
        await checkInDouble(layer, inputsOf(label, expected), (...inputs) => run(layer, inputs, options));
      });
  }

  it('with peepholes let the gates see the cell', async () => {
    const layer = nn.lstm(2, 3, { peephole: true, bidirectional: true });
    setWeights(layer);
    expect(Object.keys(layer.stateDict())).toContain('weight_peephole_l0_reverse');
    const x = fixed([4, 2, 2], 0.1);
    const [output, [, c]] = layer.forward(x);
    const byHand = (reverse: boolean): { output: T; c: T } => {
      const { weightIh, weightHh, biasIh, biasHh, weightPeephole } = layer.weights(0, reverse);
      const [seesI, seesO, seesF] = [0, 1, 2].map((row) => select(weightPeephole as T, 0, row));
      let [h, cell] = [zeros([2, 3]), zeros([2, 3])];
      const outputs: T[] = [];
      for (let s = 0; s < 4; s++) {
        const t = reverse ? 3 - s : s;
        const all = add(linear(select(x, 0, t), weightIh, biasIh), linear(h, weightHh, biasHh));
        const [i, f, g, o] = chunk(all, 4, -1);
        const [opened, kept] = [sigmoid(add(i, mul(seesI, cell))), sigmoid(add(f, mul(seesF, cell)))];
        cell = add(mul(kept, cell), mul(opened, tanh(g)));
        h = mul(sigmoid(add(o, mul(seesO, cell))), tanh(cell));
        outputs[t] = h;
      }
      return { output: stack(outputs), c: cell };
    };
    const expected = [byHand(false), byHand(true)];
    await evaluate([output, c, ...expected.flatMap((walk) => Object.values(walk))]);
    for (const [direction, walk] of expected.entries()) {
      const half = output.narrow(2, 3 * direction, 3);
      expectClose(await half.data(), await walk.output.data(), 1e-6);
      expectClose(await c.select(0, direction).data(), await walk.c.data(), 1e-6);
    }
    await checkInDouble(layer, [x], (input) => [layer.forward(input)[0]]);
  });

  it('start within 1 / sqrt(H), with the bias of the forget gate that is asked for', async () => {
    manualSeed(1);
    const layer = nn.lstm(3, 16, { numLayers: 2, forgetBias: 1 });
    const largest = Math.max(...(await layer.weights(1).weightHh.data()).map(Math.abs));
    expect(largest).toBeLessThanOrEqual(0.25);
    expect(largest).toBeGreaterThan(0.24);
    const { biasIh, biasHh } = layer.weights(1);
    expect([...((await biasIh?.data())?.subarray(16, 32) ?? [])]).toEqual(Array(16).fill(1));
    expect([...((await biasHh?.data())?.subarray(16, 32) ?? [])]).toEqual(Array(16).fill(0));
    expect(String(layer)).toBe('LSTM(3, 16, numLayers: 2)');
    expect(String(nn.gru(3, 16, { bidirectional: true, bias: false, dropout: 0.5 }))).toBe(
      'GRU(3, 16, bidirectional: true, dropout: 0.5, bias: false)',
    );
  });
});

describe('dropout between layers', () => {
  it('acts while training, between layers alone, and is drawn from the seed', async () => {
    const make = (options: nn.RecurrentLayerOptions) => {
      manualSeed(4);
      return nn.gru(3, 8, { numLayers: 2, ...options });
    };
    const x = fixed([6, 2, 3], 0.1);
    const outputOf = async (layer: nn.GRU) => [...(await layer.forward(x)[0].data())];
    const plain = await outputOf(make({}));
    const layer = make({ dropout: 0.5 });
    manualSeed(9);
    const first = await outputOf(layer);
    expect(first).not.toEqual(plain);
    expect(await outputOf(layer)).not.toEqual(first);
    manualSeed(9);
    expect(await outputOf(layer)).toEqual(first);
    expect(await outputOf(layer.eval())).toEqual(plain);
    const single = make({ numLayers: 1, dropout: 0.5 });
    expect(await outputOf(single)).toEqual(await outputOf(single.eval()));
  });

  it('drops the share that is asked for and scales up the rest', async () => {
    // One unit per step that passes its input on: a layer of ReLUs without memory.
    const layer = nn.rnn(1, 1, { numLayers: 2, dropout: 0.3, nonlinearity: 'relu', bias: false });
    for (const at of [0, 1]) {
      (layer.weights(at).weightIh as Variable<'float32'>).assign(tensor([[1]]));
      (layer.weights(at).weightHh as Variable<'float32'>).assign(tensor([[0]]));
    }
    manualSeed(5);
    const values = await layer.forward(tensor(new Float32Array(20_000).fill(1), { shape: [20, 1000, 1] }))[0].data();
    const kept = values.filter((value) => value !== 0);
    expect(kept.length / values.length).toBeCloseTo(0.7, 2);
    expectClose(kept, new Float32Array(kept.length).fill(1 / 0.7), 1e-6);
  });
});

describe('windows of a long sequence', () => {
  it('carry their state in variables: as one walk, in one program', async () => {
    manualSeed(6);
    const layer = nn.lstm(3, 8, { numLayers: 2 });
    const x = randn([12, 4, 3]);
    const [whole, [h, c]] = layer.forward(x);
    await evaluate([x, whole, h, c]);
    const state = [new Variable(zeros([2, 4, 8])), new Variable(zeros([2, 4, 8]))] as const;
    const next = compile((window: T) => {
      const [output, [hn, cn]] = layer.forward(window, state);
      state[0].assign(hn);
      state[1].assign(cn);
      return output;
    });
    for (let at = 0; at < 12; at += 3) {
      const output = await next(x.narrow(0, at, 3));
      expectClose(await output.data(), await whole.narrow(0, at, 3).data(), 1e-6);
    }
    expectClose(await state[0].data(), await h.data(), 1e-6);
    expectClose(await state[1].data(), await c.data(), 1e-6);
    expect(next.programs).toBe(1);
  });

  it('train without gradients from window to window', async () => {
    manualSeed(7);
    const [layer, head] = [nn.gru(1, 8), nn.linear(8, 1)];
    const state = new Variable(zeros([1, 2, 8]));
    const optimizer = optim.adam([...layer.parameters(), ...head.parameters()], { lr: 0.02 });
    const step = compile((x: T, y: T) => {
      const [output, final] = layer.forward(x, state);
      const loss = nn.mse(head.forward(output), y);
      optimizer.minimize(loss);
      state.assign(final);
      return loss;
    });
    const window = (at: number) =>
      tensor(
        Float32Array.from({ length: 10 }, (_, i) => Math.sin(0.7 * (at + Math.floor(i / 2)))),
        { shape: [5, 2, 1] },
      );
    const losses: number[] = [];
    for (let at = 0; at < 600; at += 5) losses.push(await (await step(window(at), window(at + 1))).item());
    expect(losses.at(-1)).toBeLessThan(losses[0] / 10);
    expect(step.programs).toBe(1);
  });

  it('of one step are a small program, and give what the whole sequence gives', async () => {
    manualSeed(8);
    const [embedding, layer, head] = [nn.embedding(10, 16), nn.lstm(16, 32, { numLayers: 2 }), nn.linear(32, 10)];
    const whole = compile((index: Tensor<'int32'>) => head.forward(layer.forward(embedding.forward(index))[0]));
    const token = compile((index: Tensor<'int32'>, h: T, c: T) => {
      const [output, [hn, cn]] = layer.forward(embedding.forward(index), [h, c]);
      return { logits: head.forward(output), h: hn, c: cn };
    });
    const text = [3, 1, 4, 1, 5, 9, 2, 6];
    const logits = await whole(
      tensor(
        text.map((index) => [index]),
        { dtype: 'int32' },
      ),
    );
    let [h, c] = [zeros([2, 1, 32]), zeros([2, 1, 32])];
    for (const [t, index] of text.entries()) {
      const step = await token(tensor([[index]], { dtype: 'int32' }), h, c);
      expectClose(await step.logits.data(), await logits.select(0, t).data(), 1e-6);
      ({ h, c } = step);
    }
    expect(token.programs).toBe(1);
    const kernels = token.explain(tensor([[0]], { dtype: 'int32' }), h, c).kernels.map(({ kernel }) => kernel);
    expect(kernels.filter((kernel) => /^(gemm|recurrent|lstm)/.test(kernel))).toHaveLength(5);
    expect(kernels.length).toBeLessThanOrEqual(16);
  });
});

it('weights of an output layer may be those of the embedding', async () => {
  /** The decoder's weight is the embedding's: Press and Wolf, "Using the Output Embedding", 2017. */
  class Tied extends nn.Module<T, [index: Tensor<'int32'>]> {
    readonly embedding = nn.embedding(7, 12);
    readonly lstm = nn.lstm(12, 12);
    readonly decoder = nn.linear(12, 7);
    constructor() {
      super();
      Object.assign(this.decoder, { weight: this.embedding.weight });
    }
    override forward(index: Tensor<'int32'>): T {
      return this.decoder.forward(this.lstm.forward(this.embedding.forward(index))[0]);
    }
  }
  manualSeed(3);
  const model = new Tied();
  const names = model.namedParameters().map(([name]) => name);
  expect(names).toContain('embedding.weight');
  expect(names).not.toContain('decoder.weight');
  expect(Object.keys(model.stateDict())).toContain('decoder.weight');
  const optimizer = optim.adam(model.parameters(), { lr: 0.02 });
  const step = compile((x: Tensor<'int32'>, y: Tensor<'int32'>) => {
    const loss = nn.crossEntropy(model.forward(x).reshape([-1, 7]) as T, y.reshape([-1]) as Tensor<'int32'>);
    optimizer.minimize(loss);
    return loss;
  });
  const text = tensor([0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6, 0], { dtype: 'int32' }).unsqueeze(1);
  const [x, y] = [text.narrow(0, 0, 14), text.narrow(0, 1, 14)];
  for (let i = 0; i < 60; i++) await step(x, y);
  expect(await (await step(x, y)).item()).toBeLessThan(0.1);
  expect(await model.decoder.weight.data()).toEqual(await model.embedding.weight.data());
  const other = new Tied();
  other.loadStateDict(model.stateDict());
  expect(await other.forward(x).data()).toEqual(await model.forward(x).data());
});

it('an empty batch gives an empty output', async () => {
  for (const layer of [nn.rnn(3, 4), nn.gru(3, 4, { bidirectional: true }), nn.lstm(3, 4)]) {
    const [output] = layer.forward(zeros([5, 0, 3]));
    expect(output.shape).toEqual([5, 0, layer.bidirectional ? 8 : 4]);
    expect(await output.data()).toEqual(new Float32Array(0));
  }
});

it('weight normalisation splits a weight of a layer, as in PyTorch', async () => {
  const layer = nn.gru(3, 4);
  const x = fixed([5, 2, 3], 0.3);
  const before = await layer.forward(x)[0].data();
  nn.weightNorm(layer, { name: 'weightHhL0' });
  expect(Object.keys(layer.stateDict())).toEqual(
    expect.arrayContaining(['weight_ih_l0', 'weight_hh_l0_g', 'weight_hh_l0_v']),
  );
  expectClose(await layer.forward(x)[0].data(), before, 1e-6);
});

describe('what does not fit', () => {
  const lstm = nn.lstm(3, 4, { numLayers: 2 });
  const x = zeros([5, 2, 3]);
  const h = zeros([2, 2, 4]);
  it('is refused at the call', () => {
    expect(() => nn.rnn(0, 4)).toThrow(/^rnn: inputSize must be a positive integer, got 0$/);
    expect(() => nn.gru(3, 4, { numLayers: 0 })).toThrow(/^gru: numLayers must be a positive integer, got 0$/);
    expect(() => nn.rnn(3, 4, { nonlinearity: 'sin' as never })).toThrow(/^rnn: nonlinearity must be 'tanh' or 'relu'/);
    expect(() => nn.lstm(3, 4, { dropout: 1.5 })).toThrow(/^lstm: dropout must lie between 0 and 1, got 1.5$/);
    expect(() => nn.lstm(3, 4, { projSize: 4 })).toThrow(/^lstm: projSize must be a whole number below hiddenSize 4/);
    expect(() => nn.lstm(3, 4, { forgetBias: 1, bias: false })).toThrow(/^lstm: forgetBias needs biases/);
    expect(() => lstm.forward(zeros([5, 2, 4]))).toThrow(
      /^lstm: expects an input of 3 dimensions with 3 features \(last dim\) but it is \[5,2,4\]$/,
    );
    expect(() => lstm.forward(zeros([5, 3]))).toThrow(/^lstm: expects an input of 3 dimensions/);
    expect(() => lstm.forward(zeros([0, 2, 3]))).toThrow(
      /^lstm: input \[0,2,3\] has no steps; at least one is needed$/,
    );
    expect(() => lstm.forward(x, h as never)).toThrow(/^lstm: the state must be a pair \[h, c\] of tensors$/);
    expect(() => lstm.forward(x, [h, zeros([1, 2, 4])])).toThrow(
      /^lstm: c must be \[2,2,4\] for input \[5,2,3\], got \[1,2,4\]$/,
    );
    expect(() => nn.gru(3, 4).forward(x, zeros([1, 2, 4], { dtype: 'float64' }) as never)).toThrow(
      /^gru: input is float32 but the state is float64; cast one of them$/,
    );
    expect(() => lstm.weights(2)).toThrow(/^lstm: has no layer 2; numLayers is 2, bidirectional false$/);
    expect(() => lstm.weights(0, true)).toThrow(/^lstm: has no layer 0 in reverse/);
  });

  it('is refused at the call for lengths that are known', () => {
    const int32 = (...values: number[]) => tensor(values, { dtype: 'int32' });
    const tooLong = /^lstm: lengths\[1\] is 6; the input has 5 steps, so use 1..5$/;
    expect(() => lstm.forward(x, undefined, { lengths: [5, 6] })).toThrow(tooLong);
    expect(() => lstm.forward(x, undefined, { lengths: int32(5, 6) })).toThrow(tooLong);
    expect(() => lstm.forward(x, undefined, { lengths: [0, 5] })).toThrow(/^lstm: lengths\[0\] is 0; the input has 5/);
    expect(() => lstm.forward(x, undefined, { lengths: [1.5, 5] })).toThrow(/^lstm: lengths\[0\] is 1.5/);
    expect(() => lstm.forward(x, undefined, { lengths: [5] })).toThrow(/^lstm: lengths must be \[2\], one for each/);
    expect(() => lstm.forward(x, undefined, { lengths: zeros([2]) as never })).toThrow(/^lstm: lengths must be int32/);
  });

  it('is refused in the run for lengths that are not', async () => {
    const step = compile((input: T, lengths: Tensor<'int32'>) => sum(lstm.forward(input, undefined, { lengths })[0]));
    await step(x, tensor([5, 1], { dtype: 'int32' }));
    for (const wrong of [6, 0])
      await expect(step(x, tensor([5, wrong], { dtype: 'int32' }))).rejects.toThrow(
        `lstm (lengths - 1): index ${wrong - 1} is out of range for a dimension of size 5`,
      );
  });
});
