/** `brawn explain RECIPE`: the program of a training step or of a prediction, of images or of text, before it runs. */
import { crossEntropy, zeros } from '../ops/index.js';
import { compile } from '../runtime/compile.js';
import type { Explanation } from '../runtime/explain.js';
import type { Tensor } from '../tensor.js';
import { makeOptimizer } from './optimizers.js';
import type { Recipe, TextRecipe, TextSettings } from './recipe.js';
import { networkOf, tokenizerOf } from './train-text.js';

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

/** What to explain of a recipe of text; settings as in `brawn train`. */
export interface ExplainTextOptions extends Partial<TextSettings> {
  readonly predict?: boolean;
  /** The text whose characters the network knows; the recipe's own unless told. */
  readonly data?: string;
}

/** Plans the step for `batchSize` streams of `seqLength` tokens each; nothing is run. */
export async function explainText(recipe: TextRecipe, options: ExplainTextOptions): Promise<Explanation> {
  const settings: TextSettings = { ...recipe, ...options };
  const { text } = await recipe.corpus(options.data);
  const model = networkOf(await tokenizerOf(settings.tokenizer, text), settings);
  const tokens = zeros([settings.batchSize, settings.seqLength], { dtype: 'int32' });
  if (options.predict) {
    model.eval();
    return compile((x: Tensor<'int32'>) => model.forward(x), { name: 'prediction' }).explain(tokens);
  }
  const optimizer = makeOptimizer(settings.optimizer, model.parameters(), settings.lr);
  const clip = settings.gradClip > 0 ? { clipNorm: settings.gradClip } : {};
  const step = compile(
    (x: Tensor<'int32'>, next: Tensor<'int32'>, carry: Tensor<'float32'>) => {
      const loss = model.loss(model.forward(x, carry), next);
      optimizer.minimize(loss, clip);
      return loss;
    },
    { name: 'training step' },
  );
  return step.explain(tokens, tokens, zeros([]));
}
