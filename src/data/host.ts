/** Samples as plain arrays: what worker threads see, since tensors stay on the thread that made them. */
import type { DType, TypedArray } from '../dtype.js';
import { hostTensor, type Sample } from './sample.js';

/** The elements of a tensor with its shape and dtype. */
export interface HostTensor {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** A sample as plain arrays by name. */
export type HostSample = Readonly<Record<string, HostTensor>>;

/** The elements of a sample's tensors, computed if need be. */
export async function toHost(sample: Sample): Promise<HostSample> {
  const columns = await Promise.all(
    Object.entries(sample).map(async ([name, tensor]) => {
      const held = tensor.node.storage ?? (await tensor.data());
      // A window on a larger buffer would be sent with all of it.
      const data = held.byteLength === held.buffer.byteLength ? held : held.slice();
      return [name, { data, shape: tensor.shape, dtype: tensor.dtype }] as const;
    }),
  );
  return Object.fromEntries(columns);
}

/** Tensors over the arrays of a sample. */
export function fromHost<T extends Sample>(sample: HostSample): T {
  return Object.fromEntries(
    Object.entries(sample).map(([name, { data, shape, dtype }]) => [name, hostTensor(data, shape, dtype)]),
  ) as unknown as T;
}
