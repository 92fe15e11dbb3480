/** Native kernels against the same graphs in pure JavaScript, by benchmark.js, as a table with the ratio. */
import Benchmark from 'benchmark';
import type { Backend } from '../src/index.js';
import {
  compile,
  conv2d,
  manualSeed,
  matmul,
  maxPool2d,
  randn,
  setBackend,
  softmax,
  type Tensor,
  tensor,
} from '../src/index.js';
import { lenet } from '../src/models/lenet.js';
import * as nn from '../src/nn/index.js';
import * as optim from '../src/optim/index.js';

type Run = () => Promise<unknown>;
type T = Tensor<'float32'>;

async function ready(...shape: number[]): Promise<T> {
  const x = randn(shape);
  await x.data();
  return x;
}

/** Sizes are such that JavaScript finishes in a second or so. */
const pairs: Record<string, () => Promise<Run>> = {
  'GEMM 256x256x256': async () => {
    const [a, b] = [await ready(256, 256), await ready(256, 256)];
    const f = compile((x: T, y: T) => matmul(x, y));
    return () => f(a, b);
  },
  'convolution 3x3, 32 to 32 channels, 28x28': async () => {
    const [x, w] = [await ready(1, 32, 28, 28), await ready(32, 32, 3, 3)];
    const f = compile((a: T, b: T) => conv2d(a, b, undefined, { padding: 1 }));
    return () => f(x, w);
  },
  'max pooling 2x2, 8x64x56x56': async () => {
    const x = await ready(8, 64, 56, 56);
    const f = compile((a: T) => maxPool2d(a, 2));
    return () => f(x);
  },
  'softmax 512x1000': async () => {
    const x = await ready(512, 1000);
    const f = compile((a: T) => softmax(a, -1));
    return () => f(x);
  },
  'LeNet training step, batch 4': async () => {
    manualSeed(0);
    const model = lenet();
    const optimizer = optim.adam(model.parameters(), { lr: 1e-4 });
    const step = compile((x: T, y: Tensor<'int32'>) => {
      const loss = nn.crossEntropy(model.forward(x) as T, y);
      optimizer.minimize(loss);
      return loss;
    });
    const [x, y] = [await ready(4, 1, 28, 28), tensor(Int32Array.of(1, 2, 3, 4))];
    return async () => (await step(x, y)).item();
  },
};

/** Seconds a call takes, by benchmark.js. */
async function time(name: string, backend: Backend, seconds: number): Promise<number> {
  setBackend('native');
  const run = await pairs[name]();
  setBackend(backend);
  await run();
  return new Promise((resolve, reject) => {
    new Benchmark(name, {
      defer: true,
      maxTime: seconds,
      minSamples: 3,
      fn(deferred: { resolve(): void }) {
        run().then(() => deferred.resolve(), reject);
      },
      onComplete(this: Benchmark) {
        resolve(this.stats.mean);
      },
    }).run({ async: true });
  });
}

const show = (seconds: number): string =>
  seconds < 1e-3 ? `${(seconds * 1e6).toFixed(0)} us` : `${(seconds * 1e3).toFixed(2)} ms`;

/** Prints the table. */
export async function compareWithJavaScript(filter: RegExp, seconds: number): Promise<void> {
  console.log(`${'workload'.padEnd(44)}${'native'.padStart(12)}${'JavaScript'.padStart(14)}${'ratio'.padStart(10)}`);
  for (const name of Object.keys(pairs)) {
    if (!filter.test(name)) continue;
    const native = await time(name, 'native', seconds);
    const javascript = await time(name, 'javascript', seconds);
    const ratio = `${(javascript / native).toFixed(0)}x`;
    console.log(`${name.padEnd(44)}${show(native).padStart(12)}${show(javascript).padStart(14)}${ratio.padStart(10)}`);
  }
  setBackend('native');
}
