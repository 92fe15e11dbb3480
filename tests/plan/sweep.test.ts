/** Sweeps: which steps of a commit become one, what they may not overtake, and that no bit changes. */
import { describe, expect, it } from 'vitest';
import { compile, manualSeed, mul, Parameter, randn, type Tensor, tensor, Variable, zeros } from '../../src/index.js';
import * as optim from '../../src/optim/index.js';
import type { Buffer, ElementwiseCode, Operand, Step, StepList } from '../../src/plan/ir.js';
import { printStep } from '../../src/plan/print.js';
import { sweep } from '../../src/plan/sweep.js';

type T = Tensor<'float32'>;

class Steps {
  readonly buffers: Buffer[] = [];

  leaf(shape: readonly number[] = [4]): Operand {
    return this.operand(shape, { kind: 'leaf', index: this.buffers.length });
  }

  arena(shape: readonly number[] = [4]): Operand {
    return this.operand(shape, { kind: 'arena', offset: -1 });
  }

  private operand(shape: readonly number[], place: Buffer['place']): Operand {
    const bytes = 4 * shape.reduce((a, b) => a * b, 1);
    const buffer: Buffer = { id: this.buffers.length, bytes, place };
    this.buffers.push(buffer);
    const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
    return { buffer, dtype: 'float32', shape, strides, offset: 0 };
  }

  list(steps: readonly Step[], commitStart = 0): StepList {
    return { steps, commitStart, buffers: this.buffers, outputBytes: [] };
  }
}

const code = (op: string, constants: ElementwiseCode['constants'] = []): ElementwiseCode => ({
  instructions: [{ op, dst: 2 + constants.length, args: [0, 1] }],
  constants,
  outRegisters: [2 + constants.length],
  registers: 3 + constants.length,
});

function step(op: string, reads: readonly Operand[], out: Operand, more: Partial<Step> = {}): Step {
  const { shape } = out;
  return {
    kernel: 'elementwise',
    reads: { in: reads },
    writes: { out: [out] },
    params: {
      n: shape.reduce((a, b) => a * b, 1),
      dims: shape,
      strides: reads.flatMap(({ strides }) => strides),
      in_sizes: reads.map(() => 4),
      out_sizes: [4],
    },
    code: code(op),
    label: op,
    flops: 10,
    inPlace: [],
    ...more,
  };
}

/** What a list does, step by step: `xN op` for sweeps. */
const outline = ({ steps }: StepList) => steps.map(({ label }) => label);

describe('sweep', () => {
  it('joins steps with the same code, whatever their shapes', () => {
    const s = new Steps();
    const rate = s.leaf([]);
    const steps = [[4], [2, 3], []].map((shape) => {
      const p = s.leaf(shape);
      return step('add', [p, { ...rate, shape, strides: shape.map(() => 0) }], p);
    });
    const { steps: joined, commitStart } = sweep(s.list(steps));
    expect(commitStart).toBe(0);
    expect(joined).toHaveLength(1);
    expect(joined[0]).toMatchObject({
      kernel: 'elementwise_sweep',
      params: {
        counts: [4, 6, 1],
        ranks: [1, 2, 0],
        dims: [4, 2, 3],
        strides: [1, 0, 3, 1, 0, 0],
        in_sizes: [4, 4],
        out_sizes: [4],
      },
      label: '3 x add',
      flops: 30,
    });
    expect(printStep(joined[0])).toBe(
      'elementwise_sweep x3 [leaf1:float32[4], leaf0:float32[4]/[0]+0 -> leaf1:float32[4]] ' +
        '[leaf2:float32[2,3], leaf0:float32[2,3]/[0,0]+0 -> leaf2:float32[2,3]] ' +
        '[leaf3:float32[], leaf0:float32[] -> leaf3:float32[]] { r2=add(r0,r1) }',
    );
  });

  it('leaves alone what stands before the commit, and what is alone', () => {
    const s = new Steps();
    const [a, b, c] = [s.leaf(), s.leaf(), s.leaf()];
    const steps = [step('add', [a, b], s.arena()), step('add', [a, b], s.arena()), step('add', [a, b], c)];
    expect(sweep(s.list(steps, 2))).toEqual(s.list(steps, 2));
  });

  it('tells code, constants and element sizes apart', () => {
    const s = new Steps();
    const x = s.leaf();
    const zero = (value: number) => code('add', [{ value, dtype: 'float32' }]);
    const steps = [
      step('add', [x, x], s.leaf()),
      step('sub', [x, x], s.leaf()),
      step('add', [x, x], s.leaf(), { code: zero(0) }),
      step('add', [x, x], s.leaf(), { code: zero(-0) }),
      step('add', [x, x], s.leaf(), { code: zero(Number.NaN) }),
    ];
    steps.push({ ...steps[0], params: { ...steps[0].params, out_sizes: [8] } });
    expect(sweep(s.list(steps)).steps).toEqual(steps);
  });

  it('joins each of several groups that depend on one another', () => {
    const s = new Steps();
    const steps = [1, 2, 3].flatMap(() => {
      const [count, factor, p] = [s.leaf([]), s.arena([]), s.leaf()];
      return [
        step('count', [count, count], factor),
        step('update', [p, { ...factor, shape: [4], strides: [0] }], p),
        step('mean', [p, p], s.leaf()),
      ];
    });
    expect(outline(sweep(s.list(steps)))).toEqual(['3 x count', '3 x update', '3 x mean']);
  });

  it('does not move a read past a write, nor a write past a read or another write', () => {
    const s = new Steps();
    const [a, b, c, d] = [s.leaf(), s.leaf(), s.leaf(), s.leaf()];
    // Each of the later ones reads what the one before it wrote.
    const chain = [step('add', [a, a], b), step('add', [b, b], c), step('add', [c, c], d)];
    expect(sweep(s.list(chain)).steps).toEqual(chain);
    // The second overwrites what the first still reads; the third overwrites what the second wrote.
    const overwrites = [step('add', [a, a], b), step('add', [c, c], a), step('add', [d, d], a)];
    expect(sweep(s.list(overwrites)).steps).toEqual(overwrites);
    // The old value is saved between two updates of the same code.
    const saved = [step('add', [a, a], a), step('neg', [a, b], c), step('add', [b, b], b)];
    expect(outline(sweep(s.list(saved)))).toEqual(['add', 'neg', 'add']);
  });

  it('writes over an input only when no other part of the sweep reads it', () => {
    const s = new Steps();
    const [shared, own] = [s.arena(), s.arena()];
    const [x, y] = [s.arena(), s.arena()];
    const steps = [
      step('add', [shared, s.leaf()], x, { inPlace: [{ output: x.buffer, input: shared.buffer }] }),
      step('add', [own, shared], y, { inPlace: [{ output: y.buffer, input: own.buffer }] }),
    ];
    expect(sweep(s.list(steps)).steps[0].inPlace).toEqual([{ output: y.buffer, input: own.buffer }]);
  });

  it('takes whole copies, but none that transposes', () => {
    const s = new Steps();
    const none: ElementwiseCode = { instructions: [], constants: [], outRegisters: [0], registers: 1 };
    const copy = (from: Operand) => step('copy', [from], s.leaf([2, 3]), { code: none });
    const turned = (from: Operand): Operand => ({ ...from, strides: [1, 2] });
    const steps = [copy(s.leaf([2, 3])), copy(turned(s.leaf([2, 3]))), copy(s.leaf([2, 3]))];
    expect(outline(sweep(s.list(steps))).sort()).toEqual(['2 x copy', 'copy']);
  });
});

describe('sweeps of optimizers', () => {
  // The scalar's update is fused with the numbers that the others share, so it is no part of their sweep.
  const shapes = [[3, 4], [4], [1], [40, 900], [], [7, 5]];
  const rules: Record<string, (p: readonly Parameter[]) => optim.Optimizer> = {
    sgd: (p) => optim.sgd(p, { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.1 }) as optim.Optimizer,
    rmsprop: (p) => optim.rmsprop(p, { centered: true, momentum: 0.9 }) as optim.Optimizer,
    adagrad: (p) => optim.adagrad(p, { lrDecay: 0.1 }) as optim.Optimizer,
    adadelta: (p) => optim.adadelta(p) as optim.Optimizer,
    adam: (p) => optim.adam(p, { amsgrad: true }) as optim.Optimizer,
    adamW: (p) => optim.adamW(p) as optim.Optimizer,
    adamax: (p) => optim.adamax(p) as optim.Optimizer,
    nadam: (p) => optim.nadam(p) as optim.Optimizer,
    radam: (p) => optim.radam(p) as optim.Optimizer,
    lion: (p) => optim.lion(p) as optim.Optimizer,
  };

  /** Some steps with given gradients; each group of parameters has an optimizer and a program of its own. */
  async function train(make: (p: readonly Parameter[]) => optim.Optimizer, together: boolean): Promise<unknown[]> {
    manualSeed(5);
    const parameters = shapes.map((shape) => new Parameter(randn(shape)));
    const gradients = shapes.map((shape) => new Variable(randn(shape)));
    await Promise.all([...parameters, ...gradients].map((each) => each.data()));
    const scales = [1, -0.5, 2, 0.1, 3].map((scale) => tensor(scale));
    const groups = together ? [parameters] : parameters.map((parameter) => [parameter]);
    const optimizers = groups.map(make);
    for (const [at, group] of groups.entries()) {
      const step = compile((scale: T) => {
        optimizers[at].step(group.map((p) => mul(gradients[parameters.indexOf(p)] as T, scale)));
      });
      for (const scale of scales) await step(scale);
      const commit = step.explain(scales[0]).passes.memory.split('--- commit\n')[1];
      expect(/^elementwise_sweep x5 .*float32\[40,900\]/m.test(commit)).toBe(together);
    }
    const states = optimizers.flatMap((optimizer) => Object.values(optimizer.stateDict().state));
    return Promise.all([...parameters, ...states].map((each) => each.toArray()));
  }

  for (const [name, make] of Object.entries(rules))
    it(`${name}: all parameters at once end in the bits of each by itself`, async () => {
      expect(await train(make, true)).toEqual(await train(make, false));
    });

  it('one sweep per set of options', () => {
    const parameters = [1, 2, 3, 4, 5].map(() => new Parameter(zeros([8])));
    const optimizer = optim.sgd([
      { params: parameters.slice(0, 3), weightDecay: 0.1 },
      { params: parameters.slice(3), weightDecay: 0 },
    ]);
    const step = compile((...gradients: T[]) => optimizer.step(gradients));
    const commit = step
      .explain(...parameters.map(() => zeros([8])))
      .passes.memory.split('--- commit\n')[1]
      .split('\n');
    expect(commit.map((line) => line.split(' [')[0])).toEqual(['elementwise_sweep x3', 'elementwise_sweep x2']);
  });
});
