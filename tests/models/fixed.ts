/** Weights by formula, the same as in tests/golden/models.py and tests/golden/zoo.py. */
import type * as nn from '../../src/nn/index.js';
import { evaluate } from '../../src/runtime/run.js';
import type { Tensor } from '../../src/tensor.js';
import { tensor } from '../../src/tensor.js';

/** Numbers in [-1, 1), times `scale`, plus `offset`. */
export function fixed(shape: readonly number[], seed: number, scale = 1, offset = 0): Tensor<'float32'> {
  const size = shape.reduce((a, b) => a * b, 1);
  const start = (seed * 974711) >>> 0;
  const values = new Float32Array(size);
  // A plain loop: the largest models have 144 million.
  for (let i = 0; i < size; i++) {
    let x = (Math.imul(i, 2654435761) + start) >>> 0;
    x ^= x >>> 16;
    x = Math.imul(x, 0x45d9f3b);
    x ^= x >>> 16;
    values[i] = Math.fround((x >>> 0) / 2 ** 31 - 1) * scale + offset;
  }
  return tensor(values, { shape });
}

/** Gives every parameter of a model its numbers. */
export async function fillWeights(model: nn.AnyModule): Promise<void> {
  model.namedParameters().forEach(([name, parameter], i) => {
    const { shape, size } = parameter;
    const values =
      shape.length > 1
        ? fixed(shape, i + 1, Math.sqrt((6 * shape[0]) / size))
        : fixed(shape, i + 1, 0.2, name.endsWith('weight') ? 1 : 0);
    parameter.assign(values);
  });
  await evaluate([]);
}
