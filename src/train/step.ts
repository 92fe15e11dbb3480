/**
 * The compiled steps of a training: forward, loss, metrics, gradients, clipping and update as one native program, and
 * the evaluation of a batch as another. A watched step also gives gradient norms and the state of the ReLUs. A step
 * whose loss is not finite fails before it has changed anything.
 */
import type { Sample } from '../data/index.js';
import { ArgumentError } from '../errors.js';
import { gradientsOf } from '../grad/backward.js';
import { type AnyModule, FunctionLayer, type Module } from '../nn/index.js';
import { all, cast, checkFinite, crossEntropy, lessEqual, mean, sqrt, square, sum } from '../ops/index.js';
import {
  clipGradNorm,
  clipGradValue,
  type EMA,
  type GradientAccumulator,
  type Gradients,
  type LBFGS,
  type Optimizer,
} from '../optim/index.js';
import { compile } from '../runtime/compile.js';
import { evaluate } from '../runtime/run.js';
import { Tensor } from '../tensor.js';
import type { Parameter } from '../variable.js';
import { addTo, type Metric, type MetricValue, type Totals } from './metrics.js';

type F = Tensor<'float32'>;

/** What is computed from a batch. All but `model` have defaults for batches that have an input and a target. */
export interface Objective<B extends Sample = Sample, Output = F> {
  readonly model: Module<Output>;
  /** What the model's `forward` is given; the column `image`, `x` or `input` unless told. */
  readonly input?: (batch: B) => Tensor | readonly Tensor[];
  /** What the model should give; the column `label`, `y` or `target` unless told. */
  readonly target?: (batch: B) => Tensor;
  /**
   * A scalar; cross-entropy unless told, where the model gives one tensor. It is taken for a mean over the samples of the
   * batch. `output` is what `forward` gave: one tensor, or several in an object or array.
   */
  readonly loss?: (output: Output, target: Tensor, batch: B) => F;
  /** What metrics are given of the output; the output itself, or of several tensors the one called `logits`, unless told. */
  readonly prediction?: (output: Output) => F;
  readonly metrics?: Readonly<Record<string, Metric>>;
}

/** How gradients become an update. */
export interface UpdateOptions {
  readonly optimizer: Optimizer;
  /** Scale the gradients so that their common norm is at most this. */
  readonly clipNorm?: number;
  /** Cut the elements of the gradients to [-clipValue, clipValue]. */
  readonly clipValue?: number;
  /** Takes in the weights after each update. */
  readonly average?: EMA;
  /** Bytes that the intermediate values of a step may take; see `CompileOptions`. */
  readonly memoryBudget?: number;
}

/** What a step tells. */
export interface StepResult {
  readonly loss: number;
  readonly samples: number;
  readonly sums: Readonly<Record<string, Tensor>>;
  readonly watched?: Watched;
}

/** State of a ReLU in one batch. */
export interface ReluReport {
  /** Share of its outputs that are zero. */
  readonly zeros: number;
  /** Share of its units (channels) that are zero for every sample of the batch: they learn nothing from it. */
  readonly dead: number;
}

/** What a watched step tells beside. */
export interface Watched {
  /** Euclidean norm of the gradient of each parameter, before clipping. */
  readonly gradientNorms: Readonly<Record<string, number>>;
  /** By the path of the module. */
  readonly relus: Readonly<Record<string, ReluReport>>;
}

const kInputs = ['image', 'x', 'input'];
const kTargets = ['label', 'y', 'target'];

function column(batch: Sample, names: readonly string[], what: string): Tensor {
  const name = names.find((candidate) => Object.hasOwn(batch, candidate));
  if (name === undefined)
    throw new ArgumentError(
      `fit: the batch has the columns ${Object.keys(batch).join(', ') || '(none)'}, none of ${names.join(', ')}; ` +
        `say which is the ${what} with ${what}: (batch) => ...`,
    );
  return batch[name];
}

/** The names of what a model has given, for messages. */
const several = (output: unknown): string =>
  `the model gives several outputs (${Object.keys(output as object).join(', ')})`;

function onlyTensor(output: unknown): F {
  if (output instanceof Tensor) return output as F;
  throw new ArgumentError(`fit: ${several(output)}; say what the loss is with loss: (output, target) => ...`);
}

/** What metrics measure unless they are told. */
function predictionOf(output: unknown): F {
  if (output instanceof Tensor) return output as F;
  const { logits } = output as { logits?: unknown };
  if (logits instanceof Tensor) return logits as F;
  throw new ArgumentError(`fit: ${several(output)}; say what metrics measure with prediction: (output) => ...`);
}

/** Forward, loss and sums of metrics, inside of a trace. */
function forward<B extends Sample, Output>(
  objective: Objective<B, Output>,
  batch: B,
): { loss: F; sums: Record<string, Tensor> } {
  const { model, input, target, loss, prediction = predictionOf, metrics = {} } = objective;
  const given = input ? input(batch) : column(batch, kInputs, 'input');
  const output = model.forward(...(given instanceof Tensor ? [given] : given));
  const takesTarget = target !== undefined || (loss?.length ?? 2) >= 2;
  const wanted = takesTarget ? (target?.(batch) ?? column(batch, kTargets, 'target')) : undefined;
  const value = loss
    ? loss(output, wanted as Tensor, batch)
    : crossEntropy(onlyTensor(output), wanted as Tensor<'int32'>);
  if (value.shape.length !== 0) throw new ArgumentError(`fit: the loss must be a scalar, got ${value}`);
  const sums: Record<string, Tensor> = {};
  for (const [name, metric] of Object.entries(metrics)) {
    const measured = prediction(output);
    const parts = metric.sums(measured, wanted ?? measured);
    for (const [part, tensor] of Object.entries(parts)) sums[`${name}/${part}`] = tensor;
  }
  return { loss: value, sums };
}

const kRelus = new Set(['ReLU', 'ReLU6']);

/** Runs `fn` while every ReLU below `model` tells what it gave. */
function withRelus<T>(model: AnyModule, fn: () => T): { result: T; relus: Record<string, { zeros: F; dead: F }> } {
  const relus: Record<string, { zeros: F; dead: F }> = {};
  const found = model
    .namedModules()
    .filter(
      (entry): entry is [string, FunctionLayer] => entry[1] instanceof FunctionLayer && kRelus.has(entry[1].name),
    );
  for (const [path, layer] of found) {
    const original = layer.forward;
    layer.forward = (input) => {
      const output = original.call(layer, input);
      const isZero = lessEqual(output, 0);
      const units = output.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
      relus[path] = {
        zeros: mean(cast(isZero, 'float32')),
        dead: mean(cast(output.rank > 1 ? all(isZero, units) : isZero, 'float32')),
      };
      return output;
    };
  }
  try {
    return { result: fn(), relus };
  } finally {
    for (const [, layer] of found) delete (layer as { forward?: unknown }).forward;
  }
}

const samplesOf = (batch: Sample): number => (Object.values(batch)[0] as Tensor | undefined)?.shape[0] ?? 1;

async function numbers(tensors: Readonly<Record<string, Tensor>>): Promise<Record<string, number>> {
  const read = async ([name, tensor]: [string, Tensor]) => [name, Number(await tensor.item())] as const;
  return Object.fromEntries(await Promise.all(Object.entries(tensors).map(read)));
}

/** What a step is to do beside the gradients. */
export interface StepKind {
  /** Gradient norms and ReLUs are asked for as well. */
  readonly isWatched: boolean;
  /** The weights are updated; false while gradients are only added up. */
  readonly updates: boolean;
}

/** A compiled training step. */
export type TrainStep<B extends Sample> = (batch: B, kind: StepKind, signal?: AbortSignal) => Promise<StepResult>;

/** Norms of the gradients by the parameters' names. */
function normsOf(model: AnyModule, parameters: readonly Parameter[], gradients: Gradients): Record<string, Tensor> {
  const names = new Map(model.namedParameters().map(([name, parameter]) => [parameter, name]));
  return Object.fromEntries(
    parameters.flatMap((parameter, i) => {
      const gradient = gradients[i] as F | undefined;
      return gradient ? [[names.get(parameter) ?? `parameter ${i}`, sqrt(sum(square(gradient)))]] : [];
    }),
  );
}

/** Clips what is asked for, and refuses a norm that is not finite: it would spoil every weight. */
function clipped(
  gradients: Gradients,
  { clipNorm, clipValue }: UpdateOptions,
): { gradients: Gradients; norm?: Tensor } {
  const cut = clipValue === undefined ? gradients : clipGradValue(gradients, clipValue);
  if (clipNorm === undefined) return { gradients: cut };
  const scaled = clipGradNorm(cut, clipNorm);
  return { gradients: scaled.gradients, norm: checkFinite(scaled.norm as F) };
}

/** Forward, loss, sums of metrics, and the ReLUs of a watched step. */
function forwardWatched<B extends Sample, Output>(objective: Objective<B, Output>, batch: B, isWatched: boolean) {
  const run = () => forward(objective, batch);
  const { result, relus } = isWatched ? withRelus(objective.model, run) : { result: run(), relus: {} };
  return { ...result, relus };
}

interface Traced {
  readonly loss: F;
  readonly sums: Record<string, Tensor>;
  readonly relus: Readonly<Record<string, { zeros: F; dead: F }>>;
  readonly norms: Readonly<Record<string, Tensor>>;
}

/** Reads what a step has computed. */
async function toResult(batch: Sample, { loss, sums, norms, relus }: Traced, isWatched: boolean): Promise<StepResult> {
  const result = { loss: await loss.item(), samples: samplesOf(batch), sums };
  if (!isWatched) return result;
  const reports = Object.entries(relus).map(async ([path, report]) => [path, await numbers(report)] as const);
  const watched = {
    gradientNorms: await numbers(norms),
    relus: Object.fromEntries(await Promise.all(reports)) as unknown as Record<string, ReluReport>,
  };
  return { ...result, watched };
}

/** Compiles the training step. Gradients go through `accumulator` if there is one. */
export function trainStep<B extends Sample, Output>(
  objective: Objective<B, Output>,
  update: UpdateOptions,
  accumulator?: GradientAccumulator,
): TrainStep<B> {
  const { model } = objective;
  const { optimizer, average } = update;
  const step = compile(
    (batch: B, isWatched: boolean, updates: boolean) => {
      const { loss, ...told } = forwardWatched(objective, batch, isWatched);
      const gradients = optimizer.gradients(loss);
      const norms = isWatched ? normsOf(model, optimizer.parameters, gradients) : {};
      accumulator?.addGradients(gradients);
      const ready = updates ? clipped(accumulator?.gradients() ?? gradients, update) : undefined;
      if (ready) {
        optimizer.step(ready.gradients);
        accumulator?.reset();
        average?.update();
      }
      return { ...told, loss: checkFinite(loss), norms, norm: ready?.norm };
    },
    { name: 'training step', memoryBudget: update.memoryBudget },
  );
  return async (batch, { isWatched, updates }, signal) =>
    toResult(batch, await step.run({ signal }, batch, isWatched, updates), isWatched);
}

/**
 * The step of L-BFGS, which evaluates the loss of the batch as often as it needs. What it tells is from before the step.
 * An abort comes after it, so that a step is done wholly.
 */
export function lbfgsStep<B extends Sample, Output>(
  objective: Objective<B, Output>,
  optimizer: LBFGS,
  average?: EMA,
): TrainStep<B> {
  const { model } = objective;
  const look = compile(
    (batch: B, isWatched: boolean) => {
      const { loss, ...told } = forwardWatched(objective, batch, isWatched);
      const { parameters } = optimizer;
      const norms = isWatched ? normsOf(model, parameters, gradientsOf(loss, parameters)) : {};
      return { ...told, loss: checkFinite(loss), norms };
    },
    { name: 'training step' },
  );
  const lossOf = (batch: B) => forward(objective, batch).loss;
  return async (batch, { isWatched }, signal) => {
    const result = await toResult(batch, await look.run({ signal }, batch, isWatched), isWatched);
    await optimizer.step(lossOf, batch);
    if (average) {
      average.update();
      await evaluate([]);
    }
    return result;
  };
}

/** Forward, loss and gradients again, without an update: in anomaly mode it names the first op that is not finite. */
export function gradientsAgain<B extends Sample, Output>(
  objective: Objective<B, Output>,
  parameters: readonly Parameter[],
) {
  return compile(
    (batch: B) => {
      const { loss } = forward(objective, batch);
      const open = parameters.filter(({ requiresGrad }) => requiresGrad);
      return [loss, ...gradientsOf(loss, open).filter((gradient) => gradient !== undefined)];
    },
    { name: 'training step' },
  );
}

/** Loss and metrics of a whole data set. */
export type Scores = Readonly<Record<string, MetricValue>> & { readonly loss: number };

/** Adds up what steps tell. Losses are weighted by the number of samples. */
export class Tally {
  loss = 0;
  samples = 0;
  readonly totals: Record<string, Float64Array> = {};

  constructor(readonly metrics: Readonly<Record<string, Metric>> = {}) {}

  async add({ loss, samples, sums }: StepResult): Promise<void> {
    this.loss += loss * samples;
    this.samples += samples;
    await addTo(this.totals, sums);
  }

  scores(): Scores {
    const own = (name: string): Totals =>
      Object.fromEntries(
        Object.entries(this.totals).flatMap(([key, total]) =>
          key.startsWith(`${name}/`) ? [[key.slice(name.length + 1), total]] : [],
        ),
      );
    const values = Object.entries(this.metrics).map(([name, { value }]) => [name, value(own(name), this.samples)]);
    return { loss: this.loss / this.samples, ...Object.fromEntries(values) };
  }

  /** All of it as plain numbers, for a checkpoint. */
  state(): TallyState {
    const totals = Object.entries(this.totals).map(([name, total]) => [name, [...total]] as const);
    return { loss: this.loss, samples: this.samples, totals: Object.fromEntries(totals) };
  }

  restore({ loss, samples, totals }: TallyState): void {
    this.loss = loss;
    this.samples = samples;
    for (const [name, total] of Object.entries(totals)) this.totals[name] = Float64Array.from(total);
  }
}

/** A tally in a checkpoint. */
export interface TallyState {
  readonly loss: number;
  readonly samples: number;
  readonly totals: Readonly<Record<string, readonly number[]>>;
}

/** Compiles the evaluation: loss and metrics over all batches, with the model in evaluation mode. */
export function evaluator<B extends Sample, Output>(
  objective: Objective<B, Output>,
): (batches: AsyncIterable<B>, signal?: AbortSignal) => Promise<Scores> {
  const { model, metrics } = objective;
  const score = compile((batch: B) => forward(objective, batch), { name: 'evaluation' });
  return async (batches, signal) => {
    const tally = new Tally(metrics);
    const wasTraining = model.training;
    model.eval();
    try {
      for await (const batch of batches) {
        const { loss, sums } = await score.run({ signal }, batch);
        await tally.add({ loss: await loss.item(), samples: samplesOf(batch), sums });
      }
    } finally {
      model.train(wasTraining);
    }
    if (tally.samples === 0) throw new ArgumentError('fit: the validation data is empty');
    return tally.scores();
  };
}
