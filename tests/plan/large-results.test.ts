/**
 * Results that are too large for the caches leave past them (native/simd/stream.h). A batch of images, whose layers are
 * that large, has the bits that its images have one by one.
 */
import { expect, it } from 'vitest';
import { clamp, compile, conv2d, grad, manualSeed, randn, relu, sum, type Tensor, tensor } from '../../src/index.js';

const kBatch = 8;
const kChannels = 96;

it('a large batch has the results and input gradients of its images', async () => {
  manualSeed(1);
  const expand = randn([kChannels, 16, 1, 1]).mul(0.2);
  const bias = randn([kChannels]);
  const depthwise = randn([kChannels, 1, 3, 3]).mul(0.3);
  const widen = randn([112, kChannels, 1, 1]).mul(0.1);
  const project = randn([24, 112, 1, 1]).mul(0.1);
  const layers = (x: Tensor<'float32'>) => {
    const wide = clamp(conv2d(x, expand, bias), 0, 6);
    const deep = relu(conv2d(wide, depthwise, null, { padding: 1, groups: kChannels }));
    return { wide, y: conv2d(conv2d(deep, widen), project) };
  };
  const forward = compile((x: Tensor<'float32'>) => layers(x).y);
  const backward = compile((x: Tensor<'float32'>) => {
    const { wide, y } = layers(x);
    return grad(sum(y.square()), [x, wide]);
  });
  const results = async (x: Tensor<'float32'>) =>
    Promise.all([await forward(x), ...(await backward(x))].map((y) => y.data()));
  const shape = [16, 56, 56];
  const images = await randn([kBatch, ...shape]).data();
  const all = await results(tensor(images, { shape: [kBatch, ...shape] }));
  const size = images.length / kBatch;
  for (let i = 0; i < kBatch; ++i) {
    const one = await results(tensor(images.slice(i * size, (i + 1) * size), { shape: [1, ...shape] }));
    for (const [o, data] of one.entries()) {
      const part = all[o].subarray(i * data.length, (i + 1) * data.length);
      expect(Buffer.compare(Buffer.from(part.slice().buffer), Buffer.from(data.slice().buffer))).toBe(0);
    }
  }
});
