/** Arguments and results of traced functions: tensors inside arrays and plain objects. */
import { ArgumentError } from '../errors.js';
import { Tensor } from '../tensor.js';

const isPlain = (value: unknown): value is Record<string, unknown> => {
  const prototype = typeof value === 'object' && value !== null ? Object.getPrototypeOf(value) : undefined;
  return prototype === Object.prototype || prototype === null;
};

/** A copy of `value` with `replace` applied to every tensor; other leaves are kept. */
export function mapTensors(value: unknown, replace: (tensor: Tensor) => unknown): unknown {
  if (value instanceof Tensor) return replace(value);
  if (Array.isArray(value)) return value.map((item) => mapTensors(item, replace));
  if (isPlain(value))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTensors(item, replace)]));
  return value;
}

/** Adds the tensors in `item` to `tensors`, and gives its text. */
function describe(item: unknown, tensors: Tensor[], where: string): string {
  if (item instanceof Tensor) {
    tensors.push(item);
    return item.node.typeText;
  }
  if (Array.isArray(item)) return `[${item.map((inner) => describe(inner, tensors, where)).join(';')}]`;
  if (isPlain(item))
    return `{${Object.entries(item)
      .map(([key, inner]) => `${JSON.stringify(key)}:${describe(inner, tensors, where)}`)
      .join(';')}}`;
  if (item === null || ['number', 'string', 'boolean', 'undefined', 'bigint'].includes(typeof item))
    return `${typeof item}:${Object.is(item, -0) ? '-0' : String(item)}`;
  throw new ArgumentError(
    `${where}: arguments must be tensors, numbers, strings, booleans, or arrays and plain objects of these; got ${typeof item}`,
  );
}

/** The tensors in `value`, in order, and a text that tells structures, types and other leaves apart. */
export function flatten(value: unknown, where: string): { tensors: Tensor[]; key: string } {
  const tensors: Tensor[] = [];
  return { key: describe(value, tensors, where), tensors };
}
