/** Tensors as they are now, kept while training goes on. */
import type { TensorRecord } from '../io/index.js';
import { tensor } from '../tensor.js';

/** Copies of the tensors' present values. */
export async function copies(tensors: Readonly<TensorRecord>): Promise<TensorRecord> {
  const copied: TensorRecord = {};
  for (const [name, source] of Object.entries(tensors))
    copied[name] = tensor(await source.data(), { shape: source.shape, dtype: source.dtype });
  return copied;
}
