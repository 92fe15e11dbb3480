/** How elementwise ops are defined. `elementwise.ts` and its neighbours hold the ops themselves. */
import { type DType, shortOf } from '../dtype.js';
import { DTypeError, InternalError } from '../errors.js';
import { type Attrs, defineOp, type ElementwiseOp, type GradientContext } from '../graph/node.js';
import { sameShape, showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';

interface ElementwiseDefinition<A extends Attrs> {
  readonly name: string;
  /** The element function in double precision; booleans are 0 and 1. */
  readonly scalar: (a: number, b: number, c: number) => number;
  /** dtypes the op accepts; all of them when absent. */
  readonly accepts?: readonly DType[];
  /** dtype of the result; that of the last input when absent. */
  readonly result?: DType | ((inputs: readonly DType[], attrs: A) => DType);
  readonly gradient?: (g: Tensor, context: GradientContext<A>) => readonly (Tensor | undefined)[];
  /** Name in the virtual machine when it is not `<name>_<dtype of the last input>`. */
  readonly vm?: (inputs: readonly DType[], output: DType) => string;
}

export const floats: readonly DType[] = ['float32', 'float64'];
export const numeric: readonly DType[] = ['float32', 'float64', 'int32', 'int64', 'uint8'];

/** Defines an elementwise op. Inputs arrive with one shape (see `align`) and, where it matters, one dtype. */
export function defineElementwise<A extends Attrs = Attrs>(definition: ElementwiseDefinition<A>): ElementwiseOp<A> {
  const { name, accepts, result, vm } = definition;
  return defineOp<A, ElementwiseOp<A>>({
    name,
    kind: 'elementwise',
    scalar: definition.scalar,
    gradient: definition.gradient,
    type(inputs, attrs) {
      const last = inputs[inputs.length - 1];
      for (const input of inputs)
        if (!sameShape(input.shape, last.shape))
          throw new InternalError(`${name}: operands ${showShape(input.shape)} and ${showShape(last.shape)} were not aligned`);
      if (accepts && !accepts.includes(last.dtype)) throw new DTypeError(`${name}: accepts ${accepts.join(', ')}, got ${last.dtype}; cast the input first`);
      const dtypes = inputs.map((input) => input.dtype);
      const dtype = typeof result === 'function' ? result(dtypes, attrs) : (result ?? last.dtype);
      return { shape: last.shape, dtype };
    },
    vm(inputs, output) {
      const dtypes = inputs.map((input) => input.dtype);
      return vm ? vm(dtypes, output.dtype) : `${name}_${shortOf(dtypes[dtypes.length - 1])}`;
    },
    flops: (_, output) => output.shape.reduce((a, b) => a * b, 1),
  });
}
