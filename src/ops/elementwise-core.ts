/**
 * How elementwise ops are defined. `elementwise.ts` and its neighbours hold the ops themselves, most of them through
 * the functions of `elementwise-functions.ts`.
 */
import { type DType, shortOf } from '../dtype.js';
import { DTypeError, InternalError } from '../errors.js';
import { type Attrs, defineOp, type ElementwiseOp, type GradientContext } from '../graph/node.js';
import { sameShape, showShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';

/** What an elementwise op is. */
export interface ElementwiseDefinition<A extends Attrs = Attrs> {
  readonly name: string;
  /** The element function in double precision; booleans are 0 and 1. `to` is the result's dtype, `from` the last input's. */
  readonly scalar: (a: number, b: number, c: number, to: DType, from: DType) => number;
  /** dtypes the op accepts; all of them when absent. */
  readonly accepts?: readonly DType[];
  /** dtype of the result; that of the last input when absent. */
  readonly result?: DType | ((inputs: readonly DType[], attrs: A) => DType);
  readonly gradient?: (g: Tensor, context: GradientContext<A>) => readonly (Tensor | undefined)[];
  /** One instruction per vector: plans rather repeat the op than store its result. */
  readonly cheap?: boolean;
  /** Name of the operation in the virtual machine, without its dtype, when it is not the op's own. */
  readonly kernel?: string;
  /** Full name in the virtual machine when it is not `<kernel>_<dtype of the last input>`. */
  readonly vm?: (inputs: readonly DType[], output: DType) => string;
}

export const floats: readonly DType[] = ['float32', 'float64'];
export const numeric: readonly DType[] = ['float32', 'float64', 'int32', 'int64', 'uint8'];

/** Defines an elementwise op. Inputs arrive with one shape (see `align`) and, where it matters, one dtype. */
export function defineElementwise<A extends Attrs = Attrs>(definition: ElementwiseDefinition<A>): ElementwiseOp<A> {
  const { name, accepts, result, kernel = name, vm } = definition;
  return defineOp<A, ElementwiseOp<A>>({
    name,
    kind: 'elementwise',
    scalar: definition.scalar,
    gradient: definition.gradient,
    cheap: definition.cheap,
    type(inputs, attrs) {
      const last = inputs[inputs.length - 1];
      for (const input of inputs)
        if (!sameShape(input.shape, last.shape))
          throw new InternalError(
            `${name}: operands ${showShape(input.shape)} and ${showShape(last.shape)} were not aligned`,
          );
      if (accepts && !accepts.includes(last.dtype))
        throw new DTypeError(`${name}: accepts ${accepts.join(', ')}, got ${last.dtype}; cast the input first`);
      const dtypes = inputs.map((input) => input.dtype);
      const dtype = typeof result === 'function' ? result(dtypes, attrs) : (result ?? last.dtype);
      return { shape: last.shape, dtype };
    },
    vm(inputs, output) {
      const dtypes = inputs.map((input) => input.dtype);
      return vm ? vm(dtypes, output.dtype) : `${kernel}_${shortOf(dtypes[dtypes.length - 1])}`;
    },
    flops: (_, output) => sizeOf(output.shape),
  });
}
