/** A recipe of one's own, as `brawn train` takes it: squares and crosses of 8x8 pixels. */
import { fromArrays } from '../../src/data/index.js';
import * as nn from '../../src/nn/index.js';

function shapes(count: number, seed: number) {
  const data = new Float32Array(count * 64);
  const label = Int32Array.from({ length: count }, (_, i) => i % 2);
  let state = seed;
  for (let i = 0; i < count; i++)
    for (let j = 0; j < 64; j++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const [row, column] = [j >> 3, j & 7];
      const isEdge = row === 0 || column === 0 || row === 7 || column === 7;
      const isDrawn = label[i] === 0 ? isEdge : row === column || row + column === 7;
      data[i * 64 + j] = (isDrawn ? 0.6 : 0) + (0.4 * state) / 2 ** 32;
    }
  return fromArrays({ image: { data, shape: [count, 1, 8, 8] }, label: { data: label } });
}

export const recipe = {
  description: 'squares and crosses',
  epochs: 3,
  batchSize: 20,
  lr: 0.01,
  classes: ['square', 'cross'],
  image: [1, 8, 8],
  takesData: false,
  model: () => nn.sequential(nn.flatten(), nn.linear(64, 8), nn.relu(), nn.dropout(0.1), nn.linear(8, 2)),
  data: ({ seed }: { seed: number }) => ({ train: shapes(200, seed + 1), test: shapes(60, seed + 2) }),
} as const;
