/** Programs of many lengths: the encoder makes room wherever it happens to run out of it. */
import { expect, it } from 'vitest';
import { cumSum, ones, type Tensor, variance } from '../../src/index.js';

it('long programs with fractional parameters', async () => {
  for (let scans = 0; scans < 12; scans++) {
    let x: Tensor<'float32'> = ones([2]);
    for (let i = 0; i < scans; i++) x = cumSum(x, 0);
    for (let i = 0; i < 80; i++) x = variance(x, 0, { correction: 0.5, keepDims: true }).expand([2]);
    expect(await x.data()).toEqual(new Float32Array(2));
  }
});
