/**
 * Einstein summation, lowered to diagonals, sums, permutations and batched products, pair by pair from left to right.
 * Neighbour: `matmul.ts` has the product.
 */
import type { DType } from '../dtype.js';
import { ArgumentError, DTypeError, ShapeError } from '../errors.js';
import { showShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { apply, checkTensor, expandTo } from './apply.js';
import { cast } from './cast.js';
import { mul } from './elementwise.js';
import { matmul, productDTypes } from './matmul.js';
import { sum } from './reduce.js';
import { withAxes, withShape } from './shape-ops.js';
import { sliceOp } from './slice.js';

/** A tensor whose axes have labels, all different. */
interface Labelled<D extends DType> {
  readonly tensor: Tensor<D>;
  readonly labels: readonly string[];
}

/** Labels of an ellipsis of `count` axes: the last is number 0, so that they align from the right. */
const ellipsis = (count: number): string[] => Array.from({ length: count }, (_, i) => `...${count - 1 - i}`);

/** Letters and at most one ellipsis, as a list. */
function terms(text: string, equation: string): string[] {
  const list = text.match(/\.\.\.|./g) ?? [];
  for (const term of list)
    if (!/^(\.\.\.|[a-zA-Z])$/.test(term))
      throw new ArgumentError(`einsum: ${JSON.stringify(term)} in "${equation}" is no label; use letters and "..."`);
  if (list.filter((term) => term === '...').length > 1)
    throw new ArgumentError(`einsum: "${text}" in "${equation}" has more than one "..."`);
  return list;
}

interface Parsed {
  readonly inputs: readonly (readonly string[])[];
  readonly output: readonly string[];
}

function parse(equation: string, operands: readonly Tensor[]): Parsed {
  const [left, right, ...more] = equation.replace(/\s/g, '').split('->');
  if (more.length > 0) throw new ArgumentError(`einsum: "${equation}" has more than one "->"`);
  const parts = left.split(',').map((part) => terms(part, equation));
  if (parts.length !== operands.length)
    throw new ArgumentError(`einsum: "${equation}" names ${parts.length} operands, got ${operands.length}`);
  let widest = 0;
  const inputs = parts.map((part, i) => {
    const letters = part.filter((term) => term !== '...').length;
    const rest = operands[i].rank - letters;
    if (rest < 0 || (rest > 0 && letters === part.length))
      throw new ShapeError(
        `einsum: "${part.join('')}" has ${letters} labels but operand ${i} is ${showShape(operands[i].shape)}`,
      );
    widest = Math.max(widest, rest);
    return part.flatMap((term) => (term === '...' ? ellipsis(rest) : term));
  });
  const output = right === undefined ? implicit(inputs, widest) : explicit(right, equation, inputs, widest);
  return { inputs, output };
}

/** The ellipsis, then the labels that appear once, in alphabetical order. */
function implicit(inputs: Parsed['inputs'], widest: number): string[] {
  const all = inputs.flat().filter((label) => !label.startsWith('.'));
  const once = all.filter((label) => all.indexOf(label) === all.lastIndexOf(label));
  return [...ellipsis(widest), ...once.sort((a, b) => (a < b ? -1 : 1))];
}

function explicit(right: string, equation: string, inputs: Parsed['inputs'], widest: number): string[] {
  const output = terms(right, equation).flatMap((term) => (term === '...' ? ellipsis(widest) : term));
  const known = new Set(inputs.flat());
  for (const [i, label] of output.entries()) {
    if (!known.has(label)) throw new ArgumentError(`einsum: output label "${label}" in "${equation}" is in no operand`);
    if (output.indexOf(label) !== i)
      throw new ArgumentError(`einsum: output label "${label}" in "${equation}" appears twice`);
  }
  return output;
}

/** The size of every label; 1 broadcasts. */
function sizesOf(inputs: Parsed['inputs'], operands: readonly Tensor[], equation: string): Map<string, number> {
  const sizes = new Map<string, number>();
  inputs.forEach((labels, i) => {
    labels.forEach((label, axis) => {
      const size = operands[i].shape[axis];
      const known = sizes.get(label) ?? 1;
      if (known !== 1 && size !== 1 && known !== size)
        throw new ShapeError(
          `einsum: label "${label}" in "${equation}" has size ${known} and, in operand ${i} ${showShape(operands[i].shape)}, ${size}`,
        );
      sizes.set(label, known === 1 ? size : known);
    });
  });
  return sizes;
}

/** Takes the diagonal over every label that an operand repeats. */
function diagonal<D extends DType>(tensor: Tensor<D>, labels: readonly string[], equation: string): Labelled<D> {
  const twice = labels.findIndex((label, i) => labels.indexOf(label) !== i);
  if (twice < 0) return { tensor, labels };
  const first = labels.indexOf(labels[twice]);
  const n = tensor.shape[first];
  if (tensor.shape[twice] !== n)
    throw new ShapeError(
      `einsum: "${labels[twice]}" in "${equation}" repeats over sizes ${n} and ${tensor.shape[twice]}`,
    );
  const others = labels.map((_, i) => i).filter((i) => i !== first && i !== twice);
  const rest = others.map((i) => tensor.shape[i]);
  const flat = withShape(withAxes(tensor, [...others, first, twice]), [...rest, n * n]);
  const [starts, steps] = [rest.map(() => 0), rest.map(() => 1)];
  const taken = apply<D>(sliceOp, [flat], { starts: [...starts, 0], sizes: [...rest, n], steps: [...steps, n + 1] });
  return diagonal(taken, [...others.map((i) => labels[i]), labels[first]], equation);
}

/** The axes in the order of `labels`, which names all of them. */
const ordered = <D extends DType>({ tensor, labels }: Labelled<D>, order: readonly string[]): Tensor<D> =>
  withAxes(
    tensor,
    order.map((label) => labels.indexOf(label)),
  );

/** Sums out the labels that `keep` does not name. */
function reduced<D extends DType>({ tensor, labels }: Labelled<D>, keep: ReadonlySet<string>): Labelled<D> {
  const axes = labels.flatMap((label, i) => (keep.has(label) ? [] : [i]));
  if (axes.length === 0) return { tensor, labels };
  return { tensor: cast(sum(tensor, axes), tensor.dtype), labels: labels.filter((label) => keep.has(label)) };
}

/** Broadcasts the axes of `names` to their full sizes. */
function widened<D extends DType>(
  { tensor, labels }: Labelled<D>,
  names: ReadonlySet<string>,
  sizes: ReadonlyMap<string, number>,
): Labelled<D> {
  const shape = labels.map((label, i) => (names.has(label) ? (sizes.get(label) as number) : tensor.shape[i]));
  return { tensor: expandTo(tensor, shape), labels };
}

/** The product of two operands, summed over the labels that `keep` does not name. */
function combine<D extends DType>(
  left: Labelled<D>,
  right: Labelled<D>,
  keep: ReadonlySet<string>,
  sizes: ReadonlyMap<string, number>,
): Labelled<D> {
  const shared = new Set(left.labels.filter((label) => right.labels.includes(label)));
  const needed = new Set([...keep, ...shared]);
  const a = widened(reduced(left, needed), shared, sizes);
  const b = widened(reduced(right, needed), shared, sizes);
  const batch = [...shared].filter((label) => keep.has(label));
  const inner = [...shared].filter((label) => !keep.has(label));
  const rows = a.labels.filter((label) => !shared.has(label));
  const columns = b.labels.filter((label) => !shared.has(label));
  const labels = [...batch, ...rows, ...columns];
  const dims = ({ tensor, labels: own }: Labelled<D>, names: readonly string[]) =>
    names.map((name) => tensor.shape[own.indexOf(name)]);
  const shape = [...dims(a, batch), ...dims(a, rows), ...dims(b, columns)];
  if (inner.length === 0) {
    const ones = rows.map(() => 1);
    const x = withShape(ordered(a, [...batch, ...rows]), [
      ...dims(a, batch),
      ...dims(a, rows),
      ...columns.map(() => 1),
    ]);
    const y = withShape(ordered(b, [...batch, ...columns]), [...dims(b, batch), ...ones, ...dims(b, columns)]);
    return { tensor: mul(x, y), labels };
  }
  const k = sizeOf(dims(a, inner));
  const x = withShape(ordered(a, [...batch, ...rows, ...inner]), [...dims(a, batch), sizeOf(dims(a, rows)), k]);
  const y = withShape(ordered(b, [...batch, ...inner, ...columns]), [...dims(b, batch), k, sizeOf(dims(b, columns))]);
  return { tensor: withShape(matmul(x, y), shape), labels };
}

/**
 * Sums of products over labelled axes (`torch.einsum`): `einsum('bij,bjk->bik', a, b)` is a batched matrix product.
 * Labels are letters; "..." stands for any axes and broadcasts; a label repeated in one operand takes its diagonal.
 * Without "->" the result has the labels that appear once, in alphabetical order. Sums keep the operands' dtype.
 * @throws ArgumentError for a malformed equation; ShapeError when sizes do not agree; DTypeError for mixed dtypes.
 */
export function einsum<D extends DType>(equation: string, ...operands: readonly Tensor<D>[]): Tensor<D> {
  if (typeof equation !== 'string') throw new ArgumentError('einsum: the first argument must be the equation');
  if (operands.length === 0) throw new ArgumentError('einsum: needs at least one operand');
  for (const [i, operand] of operands.entries()) {
    checkTensor(operand, 'einsum', `operand ${i}`);
    if (operand.dtype !== operands[0].dtype)
      throw new DTypeError(`einsum: operand ${i} is ${operand.dtype} but operand 0 is ${operands[0].dtype}; cast one`);
  }
  if (!productDTypes.includes(operands[0].dtype))
    throw new DTypeError(`einsum: accepts ${productDTypes.join(', ')}, got ${operands[0].dtype}; cast the operands`);
  const { inputs, output } = parse(equation, operands);
  const sizes = sizesOf(inputs, operands, equation);
  const [first, ...rest] = inputs.map((labels, i) => diagonal(operands[i], labels, equation));
  const result = rest.reduce((product, next, i) => {
    const keep = new Set([...output, ...rest.slice(i + 1).flatMap(({ labels }) => labels)]);
    return combine(product, next, keep, sizes);
  }, first);
  const kept = new Set(output);
  const last = widened(reduced(result, kept), kept, sizes);
  return ordered(last, output);
}
