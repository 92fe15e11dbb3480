/** How exact kernels are: what their tests hold them to, against double precision and relative to the output's norm. */
import type { Step } from './ir.js';

const kDirect = 2e-6;
const kBounds: readonly (readonly [prefix: string, bound: number])[] = [
  ['winograd4', 3e-5],
  ['winograd2', 1e-6],
  ['conv', kDirect],
  ['gemm', kDirect],
];

/** The declared error of a step that adds up products; undefined for others, which round once per element. */
export function errorBound({ kernel, flops }: Step): number | undefined {
  return flops > 0 ? kBounds.find(([prefix]) => kernel.startsWith(prefix))?.[1] : undefined;
}
