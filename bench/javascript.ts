/** Native kernels against the same graphs in pure JavaScript, by benchmark.js, as a table with the ratio. */
import Benchmark from 'benchmark';
import type { Backend } from '../src/index.js';
import {
  compile,
  conv2d,
  getThreads,
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
import { leastSeconds, measureMachine, showMachine } from './roofline.js';
import type { Prepared } from './workloads.js';

type T = Tensor<'float32'>;

async function ready(...shape: number[]): Promise<T> {
  const x = randn(shape);
  await x.data();
  return x;
}

/** Sizes are such that JavaScript finishes in a second or so. */
const pairs: Record<string, () => Promise<Prepared>> = {
  'GEMM 256x256x256': async () => {
    const [a, b] = [await ready(256, 256), await ready(256, 256)];
    const f = compile((x: T, y: T) => matmul(x, y));
    return { run: () => f(a, b), explain: () => f.explain(a, b) };
  },
  'convolution 3x3, 32 to 32 channels, 28x28': async () => {
    const [x, w] = [await ready(1, 32, 28, 28), await ready(32, 32, 3, 3)];
    const f = compile((a: T, b: T) => conv2d(a, b, undefined, { padding: 1 }));
    return { run: () => f(x, w), explain: () => f.explain(x, w) };
  },
  'max pooling 2x2, 8x64x56x56': async () => {
    const x = await ready(8, 64, 56, 56);
    const f = compile((a: T) => maxPool2d(a, 2));
    return { run: () => f(x), explain: () => f.explain(x) };
  },
  'softmax 512x1000': async () => {
    const x = await ready(512, 1000);
    const f = compile((a: T) => softmax(a, -1));
    return { run: () => f(x), explain: () => f.explain(x) };
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
    return { run: async () => (await step(x, y)).item(), explain: () => step.explain(x, y) };
  },
};

/** Seconds a call takes, by benchmark.js. */
async function time(name: string, { run }: Prepared, backend: Backend, seconds: number): Promise<number> {
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

/** Prints what the machine can do, then the table with each native time's share of the nearer limit. */
export async function compareWithJavaScript(filter: RegExp, seconds: number): Promise<void> {
  const machine = await measureMachine();
  console.log(showMachine(machine, getThreads()));
  const head = [44, 12, 10, 14, 10];
  const line = (cells: string[]) =>
    cells.map((cell, i) => (i ? cell.padStart(head[i]) : cell.padEnd(head[i]))).join('');
  console.log(line(['workload', 'native', 'of limit', 'JavaScript', 'ratio']));
  for (const name of Object.keys(pairs)) {
    if (!filter.test(name)) continue;
    setBackend('native');
    const native = await time(name, await pairs[name](), 'native', seconds);
    const prepared = await pairs[name]();
    const least = prepared.explain ? leastSeconds(prepared.explain(), machine) : 0;
    const javascript = await time(name, prepared, 'javascript', seconds);
    const share = `${((100 * least) / native).toFixed(0)} %`;
    console.log(line([name, show(native), share, show(javascript), `${(javascript / native).toFixed(0)}x`]));
  }
  setBackend('native');
}
