/** Classes that a trained classifier gives, and how many of them are right. */
import type { Dataset } from '../data/index.js';
import type * as nn from '../nn/index.js';
import { argMax } from '../ops/index.js';
import { compile } from '../runtime/compile.js';
import type { Tensor } from '../tensor.js';

/** Images [n, ...] and class numbers [n]. */
export type LabelledBatch = { readonly image: Tensor<'float32'>; readonly label: Tensor<'int32'> };

const kEvaluationBatch = 500;

/** The predicted class of every sample, in order. The model is in evaluation mode afterwards. */
export async function predict(
  model: nn.Module,
  data: Dataset<LabelledBatch>,
  signal?: AbortSignal,
): Promise<Int32Array> {
  model.eval();
  const classify = compile((image: Tensor<'float32'>) => argMax(model.forward(image), 1));
  const predictions = new Int32Array(await data.length());
  let at = 0;
  for await (const { image } of data.batch(kEvaluationBatch)) {
    const classes = await classify.run({ signal }, image);
    predictions.set(await classes.data(), at);
    at += classes.size;
  }
  return predictions;
}

/** The true class of every sample, in order. */
export async function labelsOf(data: Dataset<LabelledBatch>): Promise<Int32Array> {
  const labels = new Int32Array(await data.length());
  let at = 0;
  for await (const { label } of data.batch(kEvaluationBatch)) {
    labels.set(await label.data(), at);
    at += label.size;
  }
  return labels;
}

/** Share of equal entries. */
export function accuracyOf(predictions: Int32Array, labels: Int32Array): number {
  let right = 0;
  for (let i = 0; i < labels.length; i++) if (predictions[i] === labels[i]) right++;
  return right / labels.length;
}
