/** The optimizers that `--optimizer` knows. */
import { ArgumentError } from '../errors.js';
import * as optim from '../optim/index.js';
import type { Parameter } from '../variable.js';
import { closest } from './suggest.js';

type Make = (parameters: readonly Parameter[], lr: number) => optim.Optimizer;

/** With the library's defaults, but for momentum where plain descent would be hopeless. */
const kOptimizers: Readonly<Record<string, Make>> = {
  sgd: (parameters, lr) => optim.sgd(parameters, { lr, momentum: 0.9, nesterov: true, weightDecay: 5e-4 }),
  rmsprop: (parameters, lr) => optim.rmsprop(parameters, { lr }),
  adagrad: (parameters, lr) => optim.adagrad(parameters, { lr }),
  adadelta: (parameters, lr) => optim.adadelta(parameters, { lr }),
  adam: (parameters, lr) => optim.adam(parameters, { lr }),
  adamw: (parameters, lr) => optim.adamW(parameters, { lr }),
  adamax: (parameters, lr) => optim.adamax(parameters, { lr }),
  nadam: (parameters, lr) => optim.nadam(parameters, { lr }),
  radam: (parameters, lr) => optim.radam(parameters, { lr }),
  lion: (parameters, lr) => optim.lion(parameters, { lr }),
};

export const optimizerNames: readonly string[] = Object.keys(kOptimizers);

/** @throws ArgumentError for an unknown name, with a suggestion. */
export function checkOptimizer(name: string): string {
  const wanted = name.toLowerCase();
  if (Object.hasOwn(kOptimizers, wanted)) return wanted;
  if (wanted === 'lbfgs')
    throw new ArgumentError(
      'lbfgs wants all of the data in one batch, which recipes do not give; use fit of brawn/train with optim.lbfgs',
    );
  const near = closest(name, optimizerNames);
  throw new ArgumentError(
    `unknown optimizer ${JSON.stringify(name)}${near ? `; did you mean ${near}?` : '.'} Known are ${optimizerNames.join(', ')}`,
  );
}

/** An optimizer by name. */
export function makeOptimizer(name: string, parameters: readonly Parameter[], lr: number): optim.Optimizer {
  return kOptimizers[checkOptimizer(name)](parameters, lr);
}
