/** Outputs are written where they are wanted: no copy for a result that is only seen in another shape. */
import { expect, it } from 'vitest';
import { compile, matmul, relu, reshape, type Tensor, tensor } from '../../src/index.js';

type T = Tensor<'float32'>;

it('a reshaped product is written straight into the output', async () => {
  const product = compile((a: T, b: T) => reshape(relu(matmul(a, b)), [2, 2, 2]));
  const a = tensor([[1, 2], [3, 4], [5, 6], [7, 8]]); // biome-ignore format: rows
  const b = tensor([[1, 0], [0, -1]]); // biome-ignore format: rows
  expect(product.explain(a, b).kernels.map(({ kernel }) => kernel)).toEqual(['gemm_f32']);
  expect(await (await product(a, b)).toArray()).toEqual([[[1, 0], [3, 0]], [[5, 0], [7, 0]]]); // biome-ignore format: rows
});

it('one value as two outputs, one of them reshaped, is given twice', async () => {
  const both = compile((a: T) => {
    const y = relu(a);
    return [y, reshape(y, [2, 2]), y];
  });
  const [x, y, z] = await both(tensor([1, -2, 3, -4]));
  expect([await x.toArray(), await y.toArray(), await z.toArray()]).toEqual([[1, 0, 3, 0], [[1, 0], [3, 0]], [1, 0, 3, 0]]); // biome-ignore format: rows
});
