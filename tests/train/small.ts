/** A small problem for the tests of training: three Gaussian clouds in the plane, and a network with dropout. */
import { type Batches, fromArrays } from '../../src/data/index.js';
import * as nn from '../../src/nn/index.js';
import { manualSeed } from '../../src/random.js';
import type { Tensor } from '../../src/tensor.js';

export type SmallBatch = { readonly x: Tensor<'float32'>; readonly label: Tensor<'int32'> };

/** A cheap sequence of numbers in [0, 1), the same everywhere. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export function clouds(count: number, seed = 1) {
  const next = numbers(seed);
  const data = new Float32Array(count * 2);
  const label = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    label[i] = i % 3;
    const angle = (2 * Math.PI * label[i]) / 3;
    for (const [axis, centre] of [Math.cos(angle), Math.sin(angle)].entries())
      data[2 * i + axis] = centre + 0.8 * (next() + next() - 1);
  }
  return fromArrays({ x: { data, shape: [count, 2] }, label: { data: label } });
}

export function smallData(): { train: Batches<SmallBatch>; validation: Batches<SmallBatch> } {
  return { train: clouds(120).shuffle({ seed: 5 }).batch(16), validation: clouds(60, 2).batch(30) };
}

export function smallModel(seed = 0): nn.Sequential {
  manualSeed(seed);
  return nn.sequential(nn.linear(2, 16), nn.batchNorm1d(16), nn.relu(), nn.dropout(0.2), nn.linear(16, 3));
}
