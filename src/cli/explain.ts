/** `brawn explain RECIPE`: the program of a training step or of a prediction, before it runs. */
import { crossEntropy, zeros } from '../ops/index.js';
import { compile } from '../runtime/compile.js';
import type { Explanation } from '../runtime/explain.js';
import type { Tensor } from '../tensor.js';
import { makeOptimizer } from './optimizers.js';
import type { Recipe } from './recipe.js';

/** What to explain. */
export interface ExplainOptions {
  readonly batchSize?: number;
  readonly optimizer?: string;
  /** The forward pass in evaluation mode instead of the training step. */
  readonly predict?: boolean;
}

/** Plans the recipe's step for batches of `batchSize`; nothing is run. */
export function explainRecipe(recipe: Recipe, options: ExplainOptions): Explanation {
  const { batchSize = recipe.batchSize, optimizer: name = recipe.optimizer ?? 'adam' } = options;
  const model = recipe.model();
  const image = zeros([batchSize, ...recipe.image]);
  if (options.predict) {
    model.eval();
    return compile((x: Tensor<'float32'>) => model.forward(x), { name: 'prediction' }).explain(image);
  }
  const optimizer = makeOptimizer(name, model.parameters(), recipe.lr);
  const step = compile(
    (x: Tensor<'float32'>, label: Tensor<'int32'>) => {
      const loss = crossEntropy(model.forward(x), label);
      optimizer.minimize(loss);
      return loss;
    },
    { name: 'training step' },
  );
  return step.explain(image, zeros([batchSize], { dtype: 'int32' }));
}
