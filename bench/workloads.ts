/**
 * What is measured, by name. Names, shapes and contents are those of the field's common comparison: matrix products,
 * convolutions of well-known networks (forward, and forward with all gradients), memory-bound passes, training steps.
 */
import {
  compile,
  conv2d,
  type Explanation,
  grad,
  manualSeed,
  matmul,
  mul,
  type Parameter,
  randn,
  sigmoid,
  softmax,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
} from '../src/index.js';
import {
  charRnn,
  create,
  GoogLeNet,
  type GoogLeNetOutput,
  lenet,
  type ModelName,
  resnet18,
} from '../src/models/index.js';
import * as nn from '../src/nn/index.js';
import * as optim from '../src/optim/index.js';
import { characterTokenizer, generate } from '../src/text/index.js';

/** A workload ready to run: one call is one unit of work. */
export interface Prepared {
  readonly run: () => Promise<unknown>;
  /** What the program does, for the limits in `roofline.ts`. */
  readonly explain?: () => Explanation;
  /** Floating-point operations of one call. */
  readonly flop?: number;
  /** Samples or elements of one call. */
  readonly items?: number;
}

export type Workload = () => Promise<Prepared>;

export const workloads = new Map<string, Workload>();

/** A tensor of normal numbers, computed before the clock starts. */
async function normal(...shape: number[]): Promise<Tensor<'float32'>> {
  const x = randn(shape);
  await x.data();
  return x;
}

function gemm(
  m: number,
  k: number,
  n: number,
  layout: { aTransposed?: boolean; bTransposed?: boolean } = {},
): Workload {
  return async () => {
    const a = await (layout.aTransposed ? normal(k, m) : normal(m, k));
    const b = await (layout.bTransposed ? normal(n, k) : normal(k, n));
    const step = compile((x: Tensor<'float32'>, y: Tensor<'float32'>) =>
      matmul(layout.aTransposed ? x.transpose(0, 1) : x, layout.bTransposed ? y.transpose(0, 1) : y),
    );
    return { run: () => step(a, b), explain: () => step.explain(a, b), flop: 2 * m * k * n };
  };
}

const sizes = [
  [64, 64, 64],
  [128, 128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [1024, 1024, 1024],
  [2048, 2048, 2048],
  [50, 128, 512],
  [64, 512, 2048],
  [1, 2048, 1000],
  [16, 4096, 4096],
] as const;
for (const [m, k, n] of sizes) workloads.set(`gemm_${m}x${k}x${n}`, gemm(m, k, n));
workloads.set('gemm_nt_512x512x512', gemm(512, 512, 512, { bTransposed: true }));
workloads.set('gemm_tn_512x512x512', gemm(512, 512, 512, { aTransposed: true }));

type ConvShape = readonly [
  n: number,
  c: number,
  h: number,
  w: number,
  k: number,
  r: number,
  stride: number,
  pad: number,
  groups: number,
];

/** Layers of AlexNet, GoogLeNet, ResNet, VGG, MobileNet and a CIFAR network. */
const convs: Record<string, ConvShape> = {
  alex1: [1, 3, 224, 224, 64, 11, 4, 2, 1],
  alex3: [1, 192, 13, 13, 384, 3, 1, 1, 1],
  goog1: [1, 3, 224, 224, 64, 7, 2, 3, 1],
  goog3a1x1: [1, 192, 28, 28, 64, 1, 1, 0, 1],
  goog4a3x3: [1, 96, 14, 14, 208, 3, 1, 1, 1],
  goog3a5x5: [1, 16, 28, 28, 32, 5, 1, 2, 1],
  res2_3x3: [1, 64, 56, 56, 64, 3, 1, 1, 1],
  res3_3x3: [1, 128, 28, 28, 128, 3, 1, 1, 1],
  res4_3x3: [1, 256, 14, 14, 256, 3, 1, 1, 1],
  res5_3x3: [1, 512, 7, 7, 512, 3, 1, 1, 1],
  res2_1x1: [1, 64, 56, 56, 256, 1, 1, 0, 1],
  res4_1x1: [1, 1024, 14, 14, 256, 1, 1, 0, 1],
  vgg1: [1, 64, 224, 224, 64, 3, 1, 1, 1],
  mb_dw: [1, 144, 56, 56, 144, 3, 1, 1, 144],
  cifar_b64: [64, 64, 32, 32, 64, 3, 1, 1, 1],
};

function conv([n, c, h, w, k, r, stride, padding, groups]: ConvShape, train: boolean): Workload {
  return async () => {
    const [oh, ow] = [h, w].map((size) => Math.floor((size + 2 * padding - r) / stride) + 1);
    const x = await normal(n, c, h, w);
    const weight = await normal(k, c / groups, r, r);
    const bias = await normal(k);
    const options = { stride, padding, groups };
    const flop = 2 * n * k * oh * ow * (c / groups) * r * r;
    if (!train) {
      const step = compile((a: Tensor<'float32'>, b: Tensor<'float32'>, d: Tensor<'float32'>) =>
        conv2d(a, b, d, options),
      );
      return { run: () => step(x, weight, bias), explain: () => step.explain(x, weight, bias), flop };
    }
    const g = await normal(n, k, oh, ow);
    const step = compile(
      (a: Tensor<'float32'>, b: Tensor<'float32'>, d: Tensor<'float32'>, gradOutput: Tensor<'float32'>) => {
        // The result is asked for as well: gradients alone would not need it, and it would not be computed.
        const y = conv2d(a, b, d, options);
        return [y, ...grad(y, [a, b, d], { gradOutput })];
      },
    );
    return {
      run: () => step(x, weight, bias, g),
      explain: () => step.explain(x, weight, bias, g),
      flop: 3 * flop,
    };
  };
}
for (const [name, shape] of Object.entries(convs)) {
  workloads.set(`conv_fwd_${name}`, conv(shape, false));
  const [n, ...rest] = shape;
  workloads.set(`conv_train_${name}`, conv([n === 1 ? 8 : n, ...rest] as unknown as ConvShape, true));
}

workloads.set('elem_chain_4M', async () => {
  const [a, b] = [await normal(4_000_000), await normal(4_000_000)];
  const chain = compile((x: Tensor<'float32'>, y: Tensor<'float32'>) =>
    sub(mul(tanh(mul(x, y).add(x)), sigmoid(y)), mul(x, 0.5)),
  );
  return { run: () => chain(a, b), explain: () => chain.explain(a, b), items: 4_000_000 };
});
workloads.set('softmax_4096x1000', async () => {
  const x = await normal(4096, 1000);
  const step = compile((a: Tensor<'float32'>) => softmax(a, -1));
  return { run: () => step(x), explain: () => step.explain(x), items: 4_096_000 };
});
workloads.set('sum_4096x1000_ax0', async () => {
  const x = await normal(4096, 1000);
  const step = compile((a: Tensor<'float32'>) => sum(a, 0));
  return { run: () => step(x), explain: () => step.explain(x), items: 4_096_000 };
});

type MakeOptimizer = (parameters: readonly Parameter[]) => optim.Optimizer;

const withAdam: MakeOptimizer = (parameters) => optim.adam(parameters, { lr: 1e-4 });
const withSgd: MakeOptimizer = (parameters) => optim.sgd(parameters, { lr: 1e-3, momentum: 0.9, weightDecay: 1e-4 });

/** One training step: forward, backward, update, and the loss read back. */
function training(
  make: () => nn.Module<Tensor<'float32'> | GoogLeNetOutput>,
  shape: readonly number[],
  classes: number,
  makeOptimizer: MakeOptimizer,
): Workload {
  return async () => {
    manualSeed(0);
    const model = make();
    const optimizer = makeOptimizer(model.parameters());
    const step = compile((x: Tensor<'float32'>, y: Tensor<'int32'>) => {
      const output = model.forward(x);
      const loss = model instanceof GoogLeNet ? model.loss(output, y) : nn.crossEntropy(output as Tensor<'float32'>, y);
      optimizer.minimize(loss);
      return loss;
    });
    const x = await normal(...shape);
    const labels = tensor(Int32Array.from({ length: shape[0] }, (_, i) => (i * 7) % classes));
    return {
      run: async () => (await step(x, labels)).item(),
      explain: () => step.explain(x, labels),
      items: shape[0],
    };
  };
}
const mlp = () => nn.sequential(nn.linear(784, 256), nn.relu(), nn.linear(256, 10));
workloads.set('train_mlp_784x256x10_b128', training(mlp, [128, 784], 10, withAdam));
workloads.set('train_lenet_b128', training(lenet, [128, 1, 28, 28], 10, withAdam));
const resnet = () => resnet18(10, { stem: 'cifar' });
workloads.set('train_resnet18_cifar_b64', training(resnet, [64, 3, 32, 32], 10, withSgd));

/** Networks for 224x224 images, and the batch of a training step where one is measured. */
const zoo: readonly (readonly [name: ModelName, batch?: number])[] = [
  ['alexnet', 32],
  ['googlenet', 16],
  ['resnet18', 16],
  ['resnet50', 8],
  ['vgg11', 8],
  ['vgg16'],
  ['squeezenet1_1'],
  ['mobilenet_v2', 16],
];

/** The logits of a batch, by a model made ready to serve. */
function inference(name: ModelName, batch: number): Workload {
  return async () => {
    manualSeed(0);
    const model: nn.Module<Tensor<'float32'> | GoogLeNetOutput> = create(name);
    const x = await normal(batch, 3, 224, 224);
    const infer = await nn.compileModel(model);
    return { run: () => infer(x), explain: () => infer.explain(x), items: batch };
  };
}
for (const [name, batch] of zoo) {
  for (const count of [1, 16]) if (name !== 'vgg11') workloads.set(`infer_${name}_b${count}`, inference(name, count));
  if (batch)
    workloads.set(
      `train_${name}_b${batch}`,
      training(() => create(name), [batch, 3, 224, 224], 1000, withSgd),
    );
}

const kCharacters = 65;
/** As many characters as tiny-shakespeare has. */
const alphabet = () => Array.from({ length: kCharacters }, (_, i) => String.fromCodePoint(48 + i)).join('');

/**
 * One training step of a character network, with clipped gradients. The operations counted are those of its products
 * as they are written: 6 per weight and character. The plan does fewer of them for the first layer (`plan/tables.ts`).
 */
function characters(layers: number, hiddenSize: number, batch: number, steps: number): Workload {
  return async () => {
    manualSeed(0);
    const model = charRnn(characterTokenizer(alphabet()), { layers, hiddenSize });
    const optimizer = optim.adam(model.parameters(), { lr: 2e-3 });
    const step = compile((x: Tensor<'int32'>, y: Tensor<'int32'>) => {
      const loss = model.loss(model.forward(x), y);
      optimizer.minimize(loss, { clipNorm: 5 });
      return loss;
    });
    const items = batch * steps;
    const [x, y] = [7, 11].map((k) => {
      const tokens = Int32Array.from({ length: items }, (_, i) => (k * i + (i >> 5)) % kCharacters);
      return tensor(tokens, { shape: [batch, steps] });
    });
    const weights = layers * 8 * hiddenSize ** 2 + hiddenSize * kCharacters;
    return { run: async () => (await step(x, y)).item(), items, flop: 6 * items * weights };
  };
}
workloads.set('train_charrnn_2x128_b50_t50', characters(2, 128, 50, 50));
workloads.set('train_charrnn_2x512_b50_t50', characters(2, 512, 50, 50));
workloads.set('train_charrnn_3x512_b64_t128', characters(3, 512, 64, 128));

/** Writing `length` characters of 65 kinds, from a network as it starts. */
function sampling(layers: number, hiddenSize: number, length: number): Workload {
  return async () => {
    manualSeed(0);
    const network = charRnn(characterTokenizer(alphabet()), { layers, hiddenSize });
    const run = async () => {
      let text = '';
      for await (const piece of generate(network, { length, seed: 1 })) text += piece;
      return text;
    };
    return { run, items: length };
  };
}
workloads.set('sample_charrnn_2x512', sampling(2, 512, 200));
