/** Ops that only plans make, in the place of others: they have neither gradients nor a reference. */
import { InternalError } from '../errors.js';
import { type Attrs, defineOp, type KernelOp } from '../graph/node.js';

type PlannedOp<A extends Attrs> = Omit<KernelOp<A>, 'kind' | 'reference'>;

export function definePlanned<A extends Attrs>(op: PlannedOp<A>): KernelOp<A> {
  const reference = () => {
    throw new InternalError(`${op.name} is made by plans and has no reference`);
  };
  return defineOp<A, KernelOp<A>>({ ...op, kind: 'kernel', reference });
}
