/**
 * Empty tensors and dimensions of size 0 through every family of ops: the result that PyTorch defines, or an error at
 * the call where it throws, in both executors. What PyTorch gives for a convolution without channels is refused here.
 */
import { afterEach, describe, expect, it } from 'vitest';
import * as b from '../../src/index.js';

type T = b.Tensor<'float32'>;

const z = (...shape: number[]) => b.zeros(shape);
const o = (...shape: number[]) => b.ones(shape);
const i64 = (...shape: number[]) => b.zeros(shape, { dtype: 'int64' });

/** Call, and `shape|dtype|elements` or `code op`. */
type Row = readonly [label: string, call: () => b.Tensor, expected: string];

const rows: readonly Row[] = [
  ['add', () => b.add(z(0, 3), z(1, 3)), '0,3|float32|'],
  ['add bcast 0', () => b.add(z(0), z(1)), '0|float32|'],
  ['add bad', () => b.add(z(0), z(2)), 'ERR_BRAWN_SHAPE add'],
  ['sum all', () => b.sum(z(0)), '|float32|0'],
  ['sum axis', () => b.sum(z(2, 0, 3), 1), '2,3|float32|0,0,0,0,0,0'],
  ['sum other', () => b.sum(z(2, 0, 3), 0), '0,3|float32|'],
  ['sum keep', () => b.sum(z(0, 3), 0, { keepDims: true }), '1,3|float32|0,0,0'],
  ['mean', () => b.mean(z(0)), '|float32|NaN'],
  ['mean axis', () => b.mean(z(2, 0), 1), '2|float32|NaN,NaN'],
  ['prod', () => b.prod(z(0)), '|float32|1'],
  ['max', () => b.max(z(0)), 'ERR_BRAWN_SHAPE max'],
  ['max axis', () => b.max(z(2, 0), 1), 'ERR_BRAWN_SHAPE max'],
  ['max other', () => b.max(z(2, 0), 0), '0|float32|'],
  ['min', () => b.min(z(0)), 'ERR_BRAWN_SHAPE min'],
  ['variance', () => b.variance(z(0)), '|float32|NaN'],
  ['std axis', () => b.std(z(2, 0), 1), '2|float32|NaN,NaN'],
  ['lse', () => b.logSumExp(z(2, 0), 1), '2|float32|-Infinity,-Infinity'],
  ['argMax', () => b.argMax(z(0)), 'ERR_BRAWN_SHAPE argMax'],
  ['argMax axis', () => b.argMax(z(2, 0), 1), 'ERR_BRAWN_SHAPE argMax'],
  ['argMax other', () => b.argMax(z(0, 2), 1), '0|int32|'],
  ['any', () => b.any(z(0)), '|bool|0'],
  ['all', () => b.all(z(0)), '|bool|1'],
  ['norm', () => b.norm(z(0)), '|float32|0'],
  ['cumSum', () => b.cumSum(z(0, 2), 0), '0,2|float32|'],
  ['sort', () => b.sort(z(0)).values, '0|float32|'],
  ['sort2', () => b.sort(z(2, 0), 1).values, '2,0|float32|'],
  ['argSort', () => b.argSort(z(0)), '0|int64|'],
  ['topK', () => b.topK(z(0), 0).values, '0|float32|'],
  ['topK2', () => b.topK(o(3), 0).values, '0|float32|'],
  ['matmul k0', () => b.matmul(z(2, 0), z(0, 3)), '2,3|float32|0,0,0,0,0,0'],
  ['matmul m0', () => b.matmul(z(0, 4), z(4, 3)), '0,3|float32|'],
  ['matmul b0', () => b.matmul(z(0, 2, 4), z(4, 3)), '0,2,3|float32|'],
  ['matmul vec', () => b.matmul(z(0), z(0)), '|float32|0'],
  ['linear', () => b.linear(z(0, 4), z(3, 4), z(3)), '0,3|float32|'],
  ['linear k0', () => b.linear(z(2, 0), z(3, 0), o(3)), '2,3|float32|1,1,1,1,1,1'],
  ['einsum', () => b.einsum('ij,jk->ik', z(2, 0), z(0, 3)), '2,3|float32|0,0,0,0,0,0'],
  ['einsum tr', () => b.einsum('ii', z(0, 0)), '|float32|0'],
  ['conv batch0', () => b.conv2d(z(0, 3, 5, 5), z(4, 3, 3, 3)), '0,4,3,3|float32|'],
  ['conv small', () => b.conv2d(z(1, 3, 2, 2), z(4, 3, 3, 3)), 'ERR_BRAWN_SHAPE conv2d'],
  ['conv c0', () => b.conv2d(z(1, 0, 5, 5), z(4, 0, 3, 3)), 'ERR_BRAWN_SHAPE conv2d'],
  ['conv out0', () => b.conv2d(z(1, 3, 5, 5), z(0, 3, 3, 3)), 'ERR_BRAWN_SHAPE conv2d'],
  ['conv h0', () => b.conv2d(z(1, 3, 0, 5), z(4, 3, 3, 3), undefined, { padding: 1 }), 'ERR_BRAWN_SHAPE conv2d'],
  ['conv1d', () => b.conv1d(z(0, 3, 5), z(4, 3, 3)), '0,4,3|float32|'],
  ['convT', () => b.convTranspose2d(z(0, 3, 5, 5), z(3, 4, 3, 3)), '0,4,7,7|float32|'],
  ['maxPool b0', () => b.maxPool2d(z(0, 3, 4, 4), 2), '0,3,2,2|float32|'],
  ['maxPool h0', () => b.maxPool2d(z(1, 3, 0, 4), 2), 'ERR_BRAWN_SHAPE maxPool2d'],
  ['maxPool c0', () => b.maxPool2d(z(1, 0, 4, 4), 2), 'ERR_BRAWN_SHAPE maxPool2d'],
  ['maxPool big', () => b.maxPool2d(z(1, 3, 2, 2), 3), 'ERR_BRAWN_SHAPE maxPool2d'],
  ['avgPool b0', () => b.avgPool2d(z(0, 3, 4, 4), 2), '0,3,2,2|float32|'],
  ['adaptive b0', () => b.adaptiveAvgPool2d(z(0, 3, 4, 4), 2), '0,3,2,2|float32|'],
  ['adaptive h0', () => b.adaptiveAvgPool2d(z(1, 3, 0, 4), 2), 'ERR_BRAWN_SHAPE adaptiveAvgPool2d'],
  ['gap b0', () => b.globalAvgPool2d(z(0, 3, 4, 4)), '0,3,1,1|float32|'],
  ['batchNorm eval', () => b.batchNorm(z(0, 3, 4, 4), { runningMean: z(3), runningVar: o(3) }), '0,3,4,4|float32|'],
  ['layerNorm b0', () => b.layerNorm(z(0, 4), [4]), '0,4|float32|'],
  ['layerNorm d0', () => b.layerNorm(z(2, 0), [0]), '2,0|float32|'],
  ['groupNorm b0', () => b.groupNorm(z(0, 4, 2), 2), '0,4,2|float32|'],
  ['instanceNorm', () => b.instanceNorm(z(0, 4, 3)), '0,4,3|float32|'],
  ['lrn', () => b.localResponseNorm(z(0, 4, 3), 2), '0,4,3|float32|'],
  ['softmax', () => b.softmax(z(2, 0), 1), '2,0|float32|'],
  ['softmax other', () => b.softmax(z(2, 0), 0), '2,0|float32|'],
  ['logSoftmax', () => b.logSoftmax(z(0, 3), 1), '0,3|float32|'],
  ['dropout', () => b.dropout(z(0, 3), { p: 0.5 }), '0,3|float32|'],
  ['ce b0', () => b.crossEntropy(z(0, 3), i64(0)), '|float32|NaN'],
  ['ce sum b0', () => b.crossEntropy(z(0, 3), i64(0), { reduction: 'sum' }), '|float32|0'],
  ['ce none b0', () => b.crossEntropy(z(0, 3), i64(0), { reduction: 'none' }), '0|float32|'],
  ['mse b0', () => b.mseLoss(z(0, 3), z(0, 3)), '|float32|NaN'],
  ['embedding 0', () => b.embedding(z(5, 3), i64(0)), '0,3|float32|'],
  ['embedding d0', () => b.embedding(z(5, 0), i64(2)), '2,0|float32|'],
  ['embedding w0', () => b.embedding(z(0, 3), i64(0)), '0,3|float32|'],
  ['interp b0', () => b.interpolate(z(0, 3, 4, 4), { size: [2, 2], mode: 'bilinear' }), '0,3,2,2|float32|'],
  ['interp h0', () => b.interpolate(z(1, 3, 0, 4), { size: [2, 2] }), 'ERR_BRAWN_SHAPE interpolate'],
  ['reshape', () => b.reshape(z(0, 3), [3, 0]), '3,0|float32|'],
  ['reshape -1', () => b.reshape(z(0, 3), [-1, 3]), '0,3|float32|'],
  ['reshape bad', () => b.reshape(z(0, 3), [1]), 'ERR_BRAWN_SHAPE reshape'],
  ['permute', () => b.permute(z(0, 3, 2), [2, 0, 1]), '2,0,3|float32|'],
  ['slice', () => b.slice(o(3), [[1, 1]]), '0|float32|'],
  ['slice out', () => b.slice(o(3), [[5, 9]]), '0|float32|'],
  ['expand', () => b.expand(z(0), [2, 0]), '2,0|float32|'],
  ['expand1', () => b.expand(o(1), [0]), '0|float32|'],
  ['concat', () => b.concat([z(0, 2), o(1, 2)], 0), '1,2|float32|1,1'],
  ['concat both', () => b.concat([z(0, 2), z(0, 2)], 0), '0,2|float32|'],
  ['stack', () => b.stack([z(0), z(0)]), '2,0|float32|'],
  ['split', () => b.split(z(0, 2), 1, 1)[0], '0,1|float32|'],
  ['split 0', () => b.split(z(0), 2)[0], '0|float32|'],
  ['chunk 0', () => b.chunk(z(0), 2)[0], '0|float32|'],
  ['flip', () => b.flip(z(0, 2), [0]), '0,2|float32|'],
  ['roll', () => b.roll(z(0, 2), 1, 0), '0,2|float32|'],
  ['tile', () => b.tile(o(2), [0]), '0|float32|'],
  ['tile z', () => b.tile(z(0), [2, 3]), '2,0|float32|'],
  ['pad', () => b.pad(z(0), [[1, 1]]), '2|float32|0,0'],
  ['pad2', () => b.pad(z(0, 2), [[1, 1]], { value: 3 }), '0,4|float32|'],
  ['pad cut', () => b.pad(o(2), [[-1, -1]]), '0|float32|'],
  ['gather', () => b.gather(o(3, 2), 0, i64(0, 2)), '0,2|float32|'],
  ['scatterAdd', () => b.scatterAdd(o(3), 0, i64(0), z(0)), '3|float32|1,1,1'],
  ['indexSelect', () => b.indexSelect(o(3, 2), 0, i64(0)), '0,2|float32|'],
  ['indexAdd', () => b.indexAdd(o(3, 2), 0, i64(0), z(0, 2)), '3,2|float32|1,1,1,1,1,1'],
  ['oneHot', () => b.oneHot(i64(0), 3), '0,3|int64|'],
  ['tril', () => b.tril(z(0, 3)), '0,3|float32|'],
  ['where', () => b.where(b.zeros([0], { dtype: 'bool' }), z(0), z(1)), '0|float32|'],
  ['cast', () => b.cast(z(0), 'int32'), '0|int32|'],
  ['eye', () => b.eye(0), '0,0|float32|'],
  ['eye2', () => b.eye(0, 3), '0,3|float32|'],
  ['arange', () => b.arange(0), '0|float32|'],
  ['linspace', () => b.linspace(0, 1, 0), '0|float32|'],
  ['randn', () => b.randn([0, 3]), '0,3|float32|'],
  ['randPerm', () => b.randPerm(0), '0|int64|'],
  ['randInt', () => b.randInt(0, 5, [0]), '0|int64|'],
  ['bernoulli', () => b.bernoulli(z(0)), '0|float32|'],
  ['prelu', () => b.prelu(z(0, 3), b.ones([3])), '0,3|float32|'],
  ['squeeze', () => b.squeeze(z(0, 1)), '0|float32|'],
  ['flatten', () => b.flatten(z(0, 3, 2), 1), '0,6|float32|'],
  ['clamp', () => b.clamp(z(0), 0, 1), '0|float32|'],
];

async function outcome(call: () => b.Tensor): Promise<string> {
  let result: b.Tensor;
  try {
    result = call();
  } catch (error) {
    const { code, message } = error as b.BrawnError;
    return `${code} ${message.split(':')[0]}`;
  }
  return `${result.shape}|${result.dtype}|${Array.from((await result.data()) as Float32Array, Number)}`;
}

afterEach(() => b.setBackend('native'));

describe.each(['native', 'javascript'] as const)('%s', (backend) => {
  for (const [label, call, expected] of rows)
    it(label, async () => {
      b.setBackend(backend);
      expect(await outcome(call)).toBe(expected);
    });
});

/** Functions of an empty input and a parameter: the gradients have their shapes, and the parameter's is zero. */
const gradients: readonly (readonly [name: string, shape: number[], parameter: number[], (x: T, p: T) => b.Tensor])[] =
  [
    ['matmul, no rows', [0, 4], [4, 3], (x, p) => b.matmul(x, p)],
    ['matmul, nothing to add', [2, 0], [0, 3], (x, p) => b.matmul(x, p)],
    ['linear', [0, 4], [3, 4], (x, p) => b.linear(x, p)],
    ['conv2d', [0, 3, 5, 5], [4, 3, 3, 3], (x, p) => b.conv2d(x, p)],
    ['convTranspose2d', [0, 3, 5, 5], [3, 4, 3, 3], (x, p) => b.convTranspose2d(x, p)],
    ['maxPool2d', [0, 3, 4, 4], [3, 1, 1], (x, p) => b.maxPool2d(b.mul(x, p), 2)],
    ['layerNorm', [0, 4], [4], (x, p) => b.layerNorm(x, [4], p)],
    ['softmax', [0, 4], [4], (x, p) => b.softmax(b.mul(x, p), 1)],
    ['mul, broadcast', [0, 3], [3], (x, p) => b.mul(x, p)],
    ['concat', [0, 3], [0, 3], (x, p) => b.concat([x, p])],
    ['sum over nothing', [2, 0], [1], (x, p) => b.sum(b.mul(x, p), 1)],
    ['crossEntropy, sum', [0, 3], [3], (x, p) => b.crossEntropy(b.mul(x, p), i64(0), { reduction: 'sum' })],
    ['cumSum', [0, 3], [3], (x, p) => b.cumSum(b.mul(x, p), 0)],
  ];

describe.each(['native', 'javascript'] as const)('gradients, %s', (backend) => {
  for (const [name, shape, parameter, fn] of gradients)
    it(name, async () => {
      b.setBackend(backend);
      const [x, p] = [b.ones(shape), b.ones(parameter)];
      const [gx, gp] = b.grad(b.sum(fn(x, p)), [x, p]);
      expect([gx.shape, gp.shape]).toEqual([shape, parameter]);
      expect(await gx.data()).toHaveLength(0);
      expect([...(await gp.data())].every((value) => value === 0)).toBe(true);
    });
});

it('a training step on an empty batch changes nothing', async () => {
  const model = b.nn.sequential(b.nn.conv2d(1, 2, 3), b.nn.relu(), b.nn.flatten(), b.nn.linear(2 * 6 * 6, 3));
  const optimizer = b.optim.sgd(model.parameters(), { lr: 0.1 });
  const step = b.compile((x: T, y: b.Tensor<'int64'>) => {
    const loss = b.crossEntropy(model.forward(x), y, { reduction: 'sum' });
    optimizer.minimize(loss);
    return loss;
  });
  const weights = async () => Promise.all(model.parameters().map((parameter) => parameter.toArray()));
  const before = await weights();
  expect(await (await step(z(0, 1, 8, 8), i64(0))).item()).toBe(0);
  expect(await weights()).toEqual(before);
});
