/**
 * Reverse-mode differentiation: a walk over the graph from output to inputs that calls each op's gradient rule. The
 * result is more graph, so gradients of gradients need nothing new.
 */
import { isFloat } from '../dtype.js';
import { ArgumentError, DTypeError, GradientError, InternalError, ShapeError } from '../errors.js';
import { type Node, within } from '../graph/node.js';
import { constant, expandTo } from '../ops/apply.js';
import { add } from '../ops/elementwise.js';
import { sameShape, showShape } from '../shape.js';
import { Tensor } from '../tensor.js';

/** Options of `grad`. */
export interface GradOptions {
  /** Gradient of some later scalar with respect to `output`; ones for a scalar output. */
  readonly gradOutput?: Tensor;
  /** Give zeros for inputs that the output does not depend on, instead of throwing. */
  readonly allowUnused?: boolean;
}

/** The nodes between `inputs` and `output`, both included. */
function between(output: Node, inputs: ReadonlySet<Node>): Set<Node> {
  const reaches = new Map<Node, boolean>();
  const stack: { node: Node; entered: boolean }[] = [{ node: output, entered: false }];
  for (let frame = stack.pop(); frame; frame = stack.pop()) {
    const { node, entered } = frame;
    if (entered) {
      reaches.set(node, inputs.has(node) || node.inputs.some((input) => reaches.get(input)));
      continue;
    }
    if (reaches.has(node)) continue;
    reaches.set(node, false);
    stack.push({ node, entered: true });
    for (const input of node.inputs) if (!reaches.has(input)) stack.push({ node: input, entered: false });
  }
  return new Set([...reaches].filter(([, yes]) => yes).map(([node]) => node));
}

/** Gradients by node, for every node between. */
function propagate(output: Node, seed: Tensor, path: ReadonlySet<Node>): Map<Node, Tensor> {
  const gradients = new Map<Node, Tensor>([[output, seed]]);
  for (const node of [...path].sort((a, b) => b.id - a.id)) {
    const g = gradients.get(node);
    const needs = node.inputs.map((input) => path.has(input) && isFloat(input.dtype));
    if (!g || !needs.some(Boolean)) continue;
    if (!node.op.gradient) {
      if (isFloat(node.dtype))
        throw new GradientError(
          `grad: ${node.op.name} has no gradient; use stopGradient() where none is meant to flow`,
        );
      continue;
    }
    const inputs = node.inputs.map((input) => new Tensor(input));
    const context = { inputs, output: new Tensor(node), attrs: node.attrs, needs };
    const { gradient } = node.op;
    const results = within(`gradient of ${node.scope ?? node.op.name}`, () => gradient(g, context), node.site);
    node.inputs.forEach((input, i) => {
      const result = results[i];
      if (!needs[i] || !result) return;
      if (!sameShape(result.shape, input.shape) || result.dtype !== input.dtype)
        throw new InternalError(
          `grad: ${node.op.name} gave ${result} for input ${i} of ${input.dtype}${showShape(input.shape)}`,
        );
      const before = gradients.get(input);
      gradients.set(input, before ? add(before, result) : result);
    });
  }
  return gradients;
}

/**
 * Gradients of `output` with respect to each of `inputs` (as `torch.autograd.grad`). Differentiable again.
 * @param output A scalar, or any float tensor when `gradOutput` is given.
 * @throws GradientError when the output does not depend on an input (see `allowUnused`), ShapeError for a non-scalar output.
 */
export function grad(output: Tensor, inputs: readonly Tensor[], options: GradOptions = {}): Tensor[] {
  return gradientsOf(output, inputs, options.gradOutput).map((g, i) => {
    if (g) return g;
    if (options.allowUnused) return expandTo(constant(0, inputs[i].dtype), inputs[i].shape);
    throw new GradientError(
      `grad: the output does not depend on input ${i} (${inputs[i]}); pass allowUnused for zeros. If its value was read before, ` +
        'create it with requiresGrad so that its graph is kept',
    );
  });
}

/** @internal The gradients of `grad`, undefined where the output does not depend on an input. */
export function gradientsOf(output: Tensor, inputs: readonly Tensor[], gradOutput?: Tensor): (Tensor | undefined)[] {
  if (!(output instanceof Tensor)) throw new ArgumentError('grad: output must be a tensor');
  if (!isFloat(output.dtype)) throw new DTypeError(`grad: output must be float32 or float64, got ${output.dtype}`);
  const seed = seedOf(output, gradOutput);
  const nodes = inputs.map((input, i) => {
    if (!(input instanceof Tensor)) throw new ArgumentError(`grad: input ${i} must be a tensor`);
    if (!isFloat(input.dtype)) throw new DTypeError(`grad: input ${i} must be float32 or float64, got ${input.dtype}`);
    return input.node;
  });
  const path = between(output.node, new Set(nodes));
  const gradients = propagate(output.node, seed, path);
  return nodes.map((node) => gradients.get(node));
}

function seedOf(output: Tensor, given: Tensor | undefined): Tensor {
  if (!given) {
    if (output.size !== 1)
      throw new ShapeError(
        `grad: output has shape ${showShape(output.shape)}; reduce it to a scalar or pass gradOutput`,
      );
    return expandTo(constant(1, output.dtype), output.shape);
  }
  if (!sameShape(given.shape, output.shape) || given.dtype !== output.dtype)
    throw new ShapeError(`grad: gradOutput is ${given} but the output is ${output}`);
  return given;
}
