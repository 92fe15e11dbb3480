/** Recurrent cells: numbers and gradients as in PyTorch, state dicts, loops, mistakes. */
import { describe, expect, it } from 'vitest';
import { compile, manualSeed, nn, optim, randn, stack, type Tensor, zeros } from '../../src/index.js';
import { checkInDouble, expectGolden, fixed, readGolden, setWeights } from './sequence-golden.js';

type T = Tensor<'float32'>;
type AnyCell = nn.RNNCell | nn.LSTMCell | nn.GRUCell;

const cases: Record<string, () => AnyCell> = {
  'rnn, tanh': () => nn.rnnCell(3, 4),
  'rnn, relu': () => nn.rnnCell(3, 4, { nonlinearity: 'relu' }),
  'rnn, no bias': () => nn.rnnCell(3, 4, { bias: false }),
  lstm: () => nn.lstmCell(3, 4),
  'lstm, no bias': () => nn.lstmCell(3, 4, { bias: false }),
  'lstm, no state': () => nn.lstmCell(3, 4),
  'lstm, no batch': () => nn.lstmCell(3, 4),
  gru: () => nn.gruCell(3, 4),
  'gru, no bias': () => nn.gruCell(3, 4, { bias: false }),
  'gru, no batch': () => nn.gruCell(3, 4),
};

/** The cell's next state as a list, from its input and the parts of its state. */
function next(cell: AnyCell, [x, ...state]: readonly T[]): readonly T[] {
  if (cell instanceof nn.LSTMCell) return cell.forward(x, state.length > 0 ? (state as T[] as [T, T]) : undefined);
  return [cell.forward(x, state[0])];
}

function inputsOf(label: string): T[] {
  const outer = label.includes('no batch') ? [] : [2];
  const states = label.includes('no state') ? 0 : label.startsWith('lstm') ? 2 : 1;
  return [fixed([...outer, 3], 0.1), ...Array.from({ length: states }, (_, i) => fixed([...outer, 4], 0.2 + 0.1 * i))];
}

describe('cells', () => {
  const golden = readGolden('cells');
  it('are all compared', () => expect(Object.keys(golden)).toEqual(Object.keys(cases)));

  for (const [label, make] of Object.entries(cases)) {
    it(`${label}: outputs, gradients and names as in PyTorch`, async () => {
      const cell = make();
      setWeights(cell);
      const inputs = inputsOf(label);
      await expectGolden(cell, inputs, next(cell, inputs), golden[label]);
    });
    it(`${label}: gradients equal finite differences in float64`, async () => {
      const cell = make();
      setWeights(cell);
      await checkInDouble(cell, inputsOf(label), (...inputs) => next(cell, inputs));
    });
  }

  it('start within 1 / sqrt(H), with the bias of the forget gate that is asked for', async () => {
    manualSeed(1);
    const cell = nn.lstmCell(3, 16, { forgetBias: 1 });
    for (const parameter of [cell.weightIh, cell.weightHh]) {
      const largest = Math.max(...(await parameter.data()).map(Math.abs));
      expect(largest).toBeLessThanOrEqual(0.25);
      expect(largest).toBeGreaterThan(0.24);
    }
    const [ih, hh] = await Promise.all([cell.biasIh?.data(), cell.biasHh?.data()]);
    expect([...(ih?.subarray(16, 32) ?? [])]).toEqual(Array(16).fill(1));
    expect([...(hh?.subarray(16, 32) ?? [])]).toEqual(Array(16).fill(0));
    expect(Math.max(...(ih?.filter((_, i) => i < 16 || i >= 32) ?? []))).toBeLessThanOrEqual(0.25);
    expect(new Set(hh).size).toBe(49);
    expect(String(cell)).toBe('LSTMCell(3, 16)');
    expect(String(nn.gruCell(3, 16, { bias: false }))).toBe('GRUCell(3, 16, bias: false)');
  });

  it('learn in a loop written by hand to add up their input', async () => {
    manualSeed(2);
    const [cell, out] = [nn.gruCell(1, 12), nn.linear(12, 1)];
    const optimizer = optim.adam([...cell.parameters(), ...out.parameters()], { lr: 0.02 });
    const step = compile((x: T) => {
      const states: T[] = [];
      for (let t = 0; t < 6; t++) states.push(cell.forward(x.select(0, t), states.at(-1)));
      const loss = nn.mse(out.forward(stack(states)), x.cumSum(0) as T);
      optimizer.minimize(loss);
      return loss;
    });
    const first = await (await step(randn([6, 32, 1]).mul(0.3) as T)).item();
    for (let i = 0; i < 300; i++) await step(randn([6, 32, 1]).mul(0.3) as T);
    const last = await (await step(randn([6, 32, 1]).mul(0.3) as T)).item();
    expect(last).toBeLessThan(first / 50);
    expect(step.programs).toBe(1);
  });

  it('refuse what does not fit', () => {
    const lstm = nn.lstmCell(3, 4);
    const x = zeros([2, 3]);
    expect(() => nn.rnnCell(0, 4)).toThrow(/^rnnCell: inputSize must be a positive integer, got 0$/);
    expect(() => nn.gruCell(3, 1.5)).toThrow(/^gruCell: hiddenSize must be a positive integer/);
    expect(() => nn.rnnCell(3, 4, { nonlinearity: 'sin' as never })).toThrow(
      /^rnnCell: nonlinearity must be 'tanh' or/,
    );
    expect(() => nn.lstmCell(3, 4, { forgetBias: Number.NaN })).toThrow(/^lstmCell: forgetBias must be a number/);
    expect(() => nn.lstmCell(3, 4, { forgetBias: 1, bias: false })).toThrow(/^lstmCell: forgetBias needs biases/);
    expect(() => lstm.forward(zeros([2, 5]))).toThrow(
      /^lstmCell: expects an input of 1 or 2 dimensions with 3 features \(last dim\) but it is \[2,5\]$/,
    );
    expect(() => lstm.forward(zeros([1, 2, 3]))).toThrow(/^lstmCell: expects an input of 1 or 2 dimensions/);
    expect(() => lstm.forward(x, zeros([2, 4]) as never)).toThrow(/^lstmCell: the state must be a pair \[h, c\]/);
    expect(() => lstm.forward(x, [zeros([2, 4]), zeros([4])])).toThrow(
      /^lstmCell: c must be \[2,4\] for input \[2,3\], got \[4\]$/,
    );
    expect(() => nn.gruCell(3, 4).forward(x, zeros([2, 3]))).toThrow(/^gruCell: the state must be \[2,4\]/);
    expect(() => nn.rnnCell(3, 4).forward(x, zeros([2, 4], { dtype: 'float64' }) as never)).toThrow(
      /^rnnCell: input is float32 but the state is float64; cast one of them$/,
    );
  });
});
