/** Gradients of max pooling: the pool itself says where the maxima are, and gradients are the same however it is done. */
import { afterEach, expect, test } from 'vitest';
import { add, compile, grad, maxPool2d, mul, setBackend, sum, type Tensor, tensor } from '../../src/index.js';
import { expectClose } from '../ops/close.js';

type T = Tensor<'float32'>;

afterEach(() => setBackend('native'));

const x = tensor(
  Float32Array.from({ length: 2 * 20 * 19 * 18 }, (_, i) => Math.round(4 * Math.sin(1.3 * i))),
  { shape: [2, 20, 19, 18] },
);
const square = (y: T): T => sum(mul(y, y)) as T;

/** Functions, and the pooling kernels that they need. */
const runs: Record<string, { run: (x: T) => T[]; kernels: string[] }> = {
  'with positions of the forward pass': {
    run: (x) => grad(square(maxPool2d(x, 3, { stride: 2, padding: 1 })), [x]) as T[],
    kernels: ['pool_maxWhere_f32', 'pool_whereGrad_f32'],
  },
  'of two pools of one image': {
    run: (x) => grad(add(square(maxPool2d(x, 3)), square(maxPool2d(x, 2))) as T, [x]) as T[],
    kernels: ['pool_maxWhere_f32', 'pool_maxWhere_f32', 'pool_whereGrad_f32', 'pool_whereGrad_f32'],
  },
  'without a result of the pool': {
    run: (x) => grad(sum(maxPool2d(x, 3)) as T, [x]) as T[],
    kernels: ['pool_maxWhere_f32', 'pool_whereGrad_f32'],
  },
  'of windows with more taps than a byte can number': {
    run: (x) => grad(square(maxPool2d(x, 16, { stride: 1 })), [x]) as T[],
    kernels: ['pool_maxGrad_f32', 'pool_maxIndex_f32', 'pool_max_f32'],
  },
};

for (const [name, { run, kernels }] of Object.entries(runs)) {
  test(`gradients of max pooling ${name}`, async () => {
    const fn = compile(run);
    const found = fn.explain(x).kernels.flatMap(({ kernel }) => (kernel.startsWith('pool_') ? [kernel] : []));
    expect(found.sort()).toEqual(kernels);
    const values = await Promise.all((await fn(x)).map((y) => y.data()));
    setBackend('javascript');
    for (const [i, plain] of run(x).entries()) expectClose(values[i], await plain.data(), 1e-5);
  });
}
