/** Padding: constant borders are one placing, the others are joined from slices of the input. */
import { checkValue, type DType, isFloat } from '../dtype.js';
import { ArgumentError, DTypeError, ShapeError } from '../errors.js';
import { showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { apply, checkTensor, expandTo } from './apply.js';
import { concat } from './join.js';
import { part, placeOp } from './slice.js';
import { flip } from './slicing.js';

/** What stands in the border. */
export interface PadOptions {
  /**
   * `constant` (default): `value`. `reflect`: the input mirrored at its first and last element, which are not repeated.
   * `replicate`: the first and last element. `circular`: the input from its other end.
   */
  readonly mode?: 'constant' | 'reflect' | 'replicate' | 'circular';
  /** For `constant`; 0 unless told. */
  readonly value?: number;
}

type Pair = readonly [before: number, after: number];
const modes = ['constant', 'reflect', 'replicate', 'circular'];

/**
 * Adds borders: `widths` has a pair [before, after] per axis, outermost first; fewer pairs than axes pad the last axes.
 * Negative widths of a constant border cut off.
 * @throws ArgumentError for malformed widths or modes; ShapeError when the border needs more elements than there are.
 */
export function pad<D extends DType>(input: Tensor<D>, widths: readonly Pair[], options: PadOptions = {}): Tensor<D> {
  checkTensor(input, 'pad');
  const { mode = 'constant', value = 0 } = options;
  if (!modes.includes(mode))
    throw new ArgumentError(`pad: unknown mode ${JSON.stringify(mode)}; use ${modes.join(', ')}`);
  if (mode === 'constant' && !isFloat(input.dtype) && !Number.isInteger(value))
    throw new DTypeError(`pad: value ${value} is no ${input.dtype}; cast the input first`);
  checkValue(value, input.dtype, 'pad');
  const pairs = checkWidths(input, widths, mode === 'constant');
  if (mode === 'constant') return constantPad(input, pairs, value);
  return pairs.reduce((padded, [before, after], axis) => {
    const borders = { reflect, replicate, circular }[mode](padded, axis, before, after);
    return concat(borders, axis);
  }, input);
}

function checkWidths(input: Tensor, widths: readonly Pair[], mayCut: boolean): Pair[] {
  const isPair = (pair: unknown) => Array.isArray(pair) && pair.length === 2 && pair.every(Number.isInteger);
  if (!Array.isArray(widths) || !widths.every(isPair))
    throw new ArgumentError('pad: widths must be an array of [before, after] pairs of integers');
  const lead = input.rank - widths.length;
  if (lead < 0)
    throw new ArgumentError(`pad: ${widths.length} pairs for ${showShape(input.shape)}, which has ${input.rank} axes`);
  const pairs: Pair[] = input.shape.map((_, i) => (i < lead ? [0, 0] : (widths[i - lead] as Pair)));
  pairs.forEach(([before, after], i) => {
    if (!mayCut && (before < 0 || after < 0))
      throw new ArgumentError(
        `pad: widths [${before},${after}] of axis ${i} are negative; only constant borders may cut`,
      );
    if (Math.min(before, 0) + Math.min(after, 0) + input.shape[i] < 0)
      throw new ShapeError(`pad: widths [${before},${after}] cut more than axis ${i} of ${showShape(input.shape)} has`);
  });
  return pairs;
}

function constantPad<D extends DType>(input: Tensor<D>, pairs: readonly Pair[], value: number): Tensor<D> {
  const kept = pairs.reduce((cut, [before, after], axis) => {
    const start = Math.max(0, -before);
    return part(cut, axis, start, cut.shape[axis] - start - Math.max(0, -after));
  }, input);
  if (pairs.every(([before, after]) => before <= 0 && after <= 0)) return kept;
  return apply<D>(placeOp, [kept], {
    shape: kept.shape.map((dim, i) => dim + Math.max(0, pairs[i][0]) + Math.max(0, pairs[i][1])),
    starts: pairs.map(([before]) => Math.max(0, before)),
    steps: pairs.map(() => 1),
    value,
  });
}

/** The parts of a border that are there at all, around the input. */
const around = <D extends DType>(parts: readonly (Tensor<D> | undefined)[]): Tensor<D>[] =>
  parts.filter((one): one is Tensor<D> => one !== undefined);

function reflect<D extends DType>(x: Tensor<D>, axis: number, before: number, after: number): Tensor<D>[] {
  const dim = x.shape[axis];
  if (Math.max(before, after) >= Math.max(dim, 1))
    throw new ShapeError(
      `pad: reflect needs widths below ${dim}, axis ${axis} of ${showShape(x.shape)}, got [${before},${after}]`,
    );
  return around([
    before > 0 ? flip(part(x, axis, 1, before), axis) : undefined,
    x,
    after > 0 ? flip(part(x, axis, dim - 1 - after, after), axis) : undefined,
  ]);
}

function replicate<D extends DType>(x: Tensor<D>, axis: number, before: number, after: number): Tensor<D>[] {
  const dim = x.shape[axis];
  if (dim === 0 && before + after > 0)
    throw new ShapeError(`pad: replicate needs elements, but axis ${axis} of ${showShape(x.shape)} has none`);
  const repeated = (at: number, width: number) =>
    width === 0
      ? undefined
      : expandTo(
          part(x, axis, at, 1),
          x.shape.map((size, i) => (i === axis ? width : size)),
        );
  return around([repeated(0, before), x, repeated(dim - 1, after)]);
}

function circular<D extends DType>(x: Tensor<D>, axis: number, before: number, after: number): Tensor<D>[] {
  const dim = x.shape[axis];
  if (Math.max(before, after) > dim)
    throw new ShapeError(
      `pad: circular needs widths up to ${dim}, axis ${axis} of ${showShape(x.shape)}, got [${before},${after}]`,
    );
  return around([
    before > 0 ? part(x, axis, dim - before, before) : undefined,
    x,
    after > 0 ? part(x, axis, 0, after) : undefined,
  ]);
}
