/**
 * Random graphs through the whole plan against the unplanned JavaScript executor: simplification, layout, fusion,
 * epilogues, commit, sweeps and memory planning must not change any value.
 */
import { afterEach, expect, it } from 'vitest';
import {
  abs,
  add,
  compile,
  concat,
  matmul,
  maximum,
  mul,
  permute,
  relu,
  reshape,
  setBackend,
  slice,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  Variable,
} from '../../src/index.js';
import { expectClose } from '../ops/close.js';

type T = Tensor<'float64'>;

afterEach(() => setBackend('native'));

class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed * 2654435761 + 1;
  }
  below(n: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * n);
  }
  pick<X>(items: readonly X[]): X {
    return items[this.below(items.length)];
  }
}

const values = (dice: Dice, shape: readonly number[]) =>
  tensor(
    Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => dice.below(1000) / 500 - 1),
    { shape },
  );

/** One more value made from those there are; all values are 2-D, so that any can meet any. */
function grow(dice: Dice, pool: readonly T[]): T {
  const x = dice.pick(pool);
  const [rows, columns] = x.shape;
  switch (dice.below(10)) {
    case 0:
      return permute(x, [1, 0]);
    case 1:
      return reshape(x, [columns, rows]);
    case 2:
      return tanh(matmul(x, permute(dice.pick(pool.filter((y) => y.shape[1] === columns)), [1, 0])));
    case 3:
      return mul(sum(x, dice.below(2), { keepDims: true }) as T, 0.25);
    case 4:
      return concat([x, dice.pick(pool.filter((y) => y.shape[0] === rows))], 1) as T;
    case 5:
      return slice(x, [dice.below(2) ? [null, null, -1] : [0, Math.max(1, rows - 1)]]) as T;
    default: {
      const peers = pool.filter((y) => y.shape.every((dim, i) => dim === x.shape[i] || dim === 1 || x.shape[i] === 1));
      const y = dice.pick(peers);
      return dice.pick([
        () => add(x, y),
        () => sub(x, y),
        () => mul(x, mul(y, 0.5)),
        () => maximum(x, y) as T,
        () => relu(sub(x, 0.1)),
        () => abs(x),
        () => tanh(add(x, 0.3)),
      ])() as T;
    }
  }
}

function build(seed: number, inputs: readonly T[], states: readonly Variable<'float64'>[]): T[] {
  const dice = new Dice(seed);
  const pool: T[] = [...inputs, ...states];
  for (let i = 0; i < 24; i++) {
    const next = grow(dice, pool);
    if (next.size <= 400) pool.push(next);
  }
  for (const state of states) {
    const fitting = pool.filter((x) => x.shape.join() === state.shape.join() && x.size > 0);
    state.assign(mul(dice.pick(fitting), 0.9) as T);
    if (dice.below(2)) state.assign(dice.pick(fitting));
  }
  // Updates with the same code, which share sweeps unless one of them reads what another one writes.
  const means: readonly T[] = states.filter(() => dice.below(4) > 0);
  for (const state of means) {
    const others = [...pool, ...states].filter((x) => x.shape.join() === state.shape.join());
    (state as Variable<'float64'>).assign(add(mul(state, 0.5), mul(dice.pick(others), 0.25)));
  }
  return Array.from({ length: 3 }, () => dice.pick(pool.slice(inputs.length + states.length)));
}

let sweeps = 0;

async function outcome(seed: number, backend: 'native' | 'javascript'): Promise<Float64Array[]> {
  setBackend(backend);
  const dice = new Dice(seed + 77);
  const inputs = [values(dice, [3, 4]), values(dice, [4, 3]), values(dice, [3, 1])];
  const shapes = [
    [3, 4],
    [3, 4],
    [4, 3],
    [3, 1],
    [12, 1],
    [3, 4],
  ];
  const states = shapes.map((shape) => new Variable(values(dice, shape)));
  const step = compile((...xs: T[]) => build(seed, xs, states));
  const results: Float64Array[] = [];
  for (let round = 0; round < 2; round++) {
    const outputs = await step(...inputs);
    for (const output of [...outputs, ...states]) results.push(await output.data());
  }
  if (backend === 'native' && step.explain(...inputs).passes.memory.includes('elementwise_sweep')) sweeps++;
  return results;
}

for (let block = 0; block < 20; block++)
  it(`random graphs ${block * 10}..${block * 10 + 9} equal the JavaScript executor`, async () => {
    for (let seed = block * 10; seed < block * 10 + 10; seed++) {
      const expected = await outcome(seed, 'javascript');
      const actual = await outcome(seed, 'native');
      expect(actual.length, `seed ${seed}`).toBe(expected.length);
      actual.forEach((array, i) => {
        try {
          expectClose(array, expected[i], 1e-9);
        } catch (error) {
          throw new Error(`seed ${seed}, result ${i}: ${(error as Error).message}`);
        }
      });
    }
  });

it('random graphs hold sweeps', () => expect(sweeps).toBeGreaterThan(50));
