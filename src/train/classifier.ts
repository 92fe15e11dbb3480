/**
 * The training of a classifier: mini-batches, Adam under a cosine schedule, evaluation after each
 * epoch. It yields what happened and shows nothing; the command line and others decide what to do with it.
 */
import type { Dataset } from '../data/index.js';
import { ArgumentError } from '../errors.js';
import * as nn from '../nn/index.js';
import { argMax, equal, sum } from '../ops/index.js';
import * as optim from '../optim/index.js';
import { compile } from '../runtime/compile.js';
import type { Tensor } from '../tensor.js';

/** Images [n, ...] and class numbers [n]. */
export type LabelledBatch = { readonly image: Tensor<'float32'>; readonly label: Tensor<'int32'> };

export interface ClassifierOptions {
  readonly model: nn.Module;
  readonly train: Dataset<LabelledBatch>;
  readonly test: Dataset<LabelledBatch>;
  readonly epochs: number;
  /** 128 unless told. */
  readonly batchSize?: number;
  /** Learning rate at the start; it falls to 0 along half a cosine (Loshchilov and Hutter, "SGDR", 2017). */
  readonly lr?: number;
  /** For the order of the training samples. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

export type TrainProgress =
  | {
      readonly kind: 'step';
      readonly epoch: number;
      readonly step: number;
      readonly steps: number;
      readonly loss: number;
      readonly accuracy: number;
    }
  | {
      readonly kind: 'epoch';
      readonly epoch: number;
      /** Mean over the epoch. */
      readonly loss: number;
      readonly trainAccuracy: number;
      /** On the held-out samples. */
      readonly accuracy: number;
      /** Of training, without evaluation. */
      readonly seconds: number;
      readonly samples: number;
    };

const kEvaluationBatch = 500;

/** The predicted class of every sample, in order. */
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

/**
 * Trains `model` in place and yields progress after every step and every epoch.
 * @throws ArgumentError when there is nothing to train on; the signal's reason when aborted.
 */
export async function* trainClassifier(options: ClassifierOptions): AsyncGenerator<TrainProgress, void> {
  const { model, train, test, epochs, batchSize = 128, lr = 2e-3, seed = 0, signal } = options;
  const samples = await train.length();
  if (samples < 1 || epochs < 1)
    throw new ArgumentError(`trainClassifier: needs samples and epochs, got ${samples} and ${epochs}`);
  const optimizer = optim.adam(model.parameters(), { lr });
  const update = compile((image: Tensor<'float32'>, label: Tensor<'int32'>) => {
    const logits = model.forward(image);
    const loss = nn.crossEntropy(logits, label);
    optimizer.minimize(loss);
    return { loss, right: sum(equal(argMax(logits, 1), label)) };
  });
  const steps = Math.ceil(samples / batchSize);
  const batches = train.shuffle({ seed }).batch(batchSize);
  const labels = await labelsOf(test);
  let step = 0;
  for (let epoch = 1; epoch <= epochs; epoch++) {
    model.train();
    const start = performance.now();
    let [loss, right, seen] = [0, 0, 0];
    for await (const { image, label } of batches) {
      optimizer.lr = (lr / 2) * (1 + Math.cos((Math.PI * step++) / (steps * epochs)));
      const result = await update.run({ signal }, image, label);
      const batchLoss = await result.loss.item();
      loss += batchLoss * label.size;
      right += Number(await result.right.item());
      seen += label.size;
      yield { kind: 'step', epoch, step: ((step - 1) % steps) + 1, steps, loss: batchLoss, accuracy: right / seen };
    }
    const seconds = (performance.now() - start) / 1e3;
    const accuracy = accuracyOf(await predict(model, test, signal), labels);
    yield { kind: 'epoch', epoch, loss: loss / seen, trainAccuracy: right / seen, accuracy, seconds, samples: seen };
  }
}
