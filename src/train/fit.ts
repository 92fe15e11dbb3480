/**
 * `fit`: the training loop. A step is one native program (`step.ts`); around it stand validation, schedules, early
 * stopping, checkpoints, reports and callbacks. A training that resumes from a checkpoint ends in the same bits as one
 * that was never stopped.
 */
import type { BatchPosition, Sample } from '../data/index.js';
import { AnomalyError, ArgumentError } from '../errors.js';
import type { TensorRecord } from '../io/index.js';
import type { Module } from '../nn/index.js';
import { assignState } from '../nn/state.js';
import type { GroupState } from '../optim/index.js';
import { defaultGenerator, type GeneratorState } from '../random.js';
import { evaluate } from '../runtime/run.js';
import { getThreads } from '../runtime/threads.js';
import type { Variable } from '../variable.js';
import type { Callback, EndReport, EpochReport, StartReport, StepReport, TrainContext } from './callbacks.js';
import {
  Checkpoints,
  findCheckpoint,
  readCheckpoint,
  requireCheckpoint,
  underPrefix,
  withPrefix,
} from './checkpoint.js';
import { copies } from './copies.js';
import { drawCurves } from './curves.js';
import { checkDrawing } from './drawing.js';
import { type EarlyState, EarlyStopping, type EarlyStoppingOptions, Monitor } from './early-stopping.js';
import { type ProgressStyle, progressCallback } from './progress.js';
import { RunFolder } from './run-folder.js';
import { type MetricScheduleLike, type ScheduleLike, Schedules } from './schedules.js';
import {
  evaluator,
  type Objective,
  type Scores,
  Tally,
  type TallyState,
  type TrainStep,
  trainStep,
  type UpdateOptions,
} from './step.js';

/** Batches that can be read from any position, as `Batches` can. */
export interface TrainBatches<B extends Sample> extends AsyncIterable<B> {
  /** Batches in an epoch, where that is known. */
  steps(): Promise<number | undefined>;
  state(): BatchPosition;
  restore(position: BatchPosition): void;
}

/** What to train on, and what to measure on after each epoch. */
export interface FitData<B extends Sample> {
  readonly train: TrainBatches<B>;
  readonly validation?: AsyncIterable<B>;
}

/** Options of checkpoints. */
export interface CheckpointOptions {
  /** Also within epochs, after so many steps; only after epochs unless told. */
  readonly everySteps?: number;
  /** Of how many of the best epochs the weights are kept; 1 unless told. */
  readonly keepBest?: number;
}

/** Options of `fit`. */
export interface FitOptions<B extends Sample = Sample> extends Omit<Objective<B>, 'model'>, UpdateOptions {
  readonly epochs: number;
  /** Moved on after each epoch; one that follows a number is given the monitored one. */
  readonly schedule?: ScheduleLike | MetricScheduleLike;
  /** Moved on after each step. */
  readonly stepSchedule?: ScheduleLike;
  /** The number that says how good an epoch is; `validation.loss`, or `train.loss` without validation, unless told. */
  readonly monitor?: string;
  readonly earlyStopping?: EarlyStoppingOptions;
  /** Where configuration, metrics, checkpoints and curves go; nothing is written without it. */
  readonly folder?: string;
  /** Written into the folder as `config.json`. */
  readonly config?: unknown;
  /** Checkpoints in the folder; after each epoch unless told, none when false. */
  readonly checkpoints?: CheckpointOptions | false;
  /**
   * Variables beside those of model and optimizer that steps change, by name: kept in checkpoints, such as the state that a
   * recurrent network carries from batch to batch.
   */
  readonly variables?: Readonly<Record<string, Variable>>;
  /** True: go on from the folder's checkpoint, or start if it has none. A path: go on from the checkpoint there. */
  readonly resume?: boolean | string;
  /** Report norms of gradients and dead ReLUs every so many steps; never unless told. */
  readonly watch?: number;
  /** Write every so many steps into the file of metrics; 10 unless told. */
  readonly logEvery?: number;
  /** Draw `curves.svg` and `curves.png` into the folder at the end. Needs `vega` and `@resvg/resvg-js`. */
  readonly curves?: boolean;
  readonly callbacks?: readonly Callback[];
  /** `auto` unless told. */
  readonly progress?: ProgressStyle;
  readonly signal?: AbortSignal;
}

/** What `fit` gives. */
export interface FitResult extends EndReport {
  /** The file with the weights of the best epoch, when checkpoints are kept. */
  readonly best?: string;
}

/** What a checkpoint holds beside tensors. */
interface TrainingState {
  readonly position: BatchPosition;
  readonly globalStep: number;
  readonly seconds: number;
  readonly generator: GeneratorState;
  readonly optimizer: string;
  readonly groups: readonly GroupState[];
  readonly schedules: unknown;
  readonly tally: TallyState;
  readonly history: readonly EpochReport[];
  readonly early: EarlyState | undefined;
  readonly ended: EndReport['reason'] | undefined;
}

const ignore = (): void => {};

function checkCount(value: number | undefined, name: string): void {
  if (value !== undefined && (!Number.isSafeInteger(value) || value < 1))
    throw new ArgumentError(`fit: ${name} must be a whole number of at least 1, got ${value}`);
}

class Training<B extends Sample> {
  readonly #step: TrainStep<B>;
  readonly #evaluate: (batches: AsyncIterable<B>, signal?: AbortSignal) => Promise<Scores>;
  readonly #schedules: Schedules;
  readonly #monitor: Monitor;
  readonly #early: EarlyStopping | undefined;
  readonly #folder: RunFolder | undefined;
  readonly #checkpoints: Checkpoints | undefined;
  readonly #callbacks: readonly Callback[];
  readonly #context: TrainContext;
  #history: EpochReport[] = [];
  #tally: Tally;
  #position: BatchPosition = { epoch: 0, step: 0 };
  #globalStep = 0;
  #seconds = 0;
  /** Batches in an epoch. */
  #steps: number | undefined;
  /** State of the generator before a step that is under way. */
  #generator: GeneratorState | undefined;
  #best: TensorRecord | undefined;
  #ended: EndReport['reason'] | undefined;
  #stopAsked = false;

  constructor(
    readonly model: Module,
    readonly data: FitData<B>,
    readonly options: FitOptions<B>,
  ) {
    const { epochs, metrics = {}, optimizer, folder, checkpoints = {}, watch, logEvery } = options;
    checkCount(epochs, 'epochs');
    checkCount(watch, 'watch');
    checkCount(logEvery, 'logEvery');
    if (folder === undefined && (options.curves || options.resume === true || options.checkpoints))
      throw new ArgumentError('fit: checkpoints, curves and resume: true need a folder');
    const objective: Objective<B> = { ...options, model };
    this.#step = trainStep(objective, options);
    this.#evaluate = evaluator(objective);
    this.#tally = new Tally(metrics);
    const hasValidation = data.validation !== undefined;
    this.#monitor = new Monitor(
      options.monitor ?? `${hasValidation ? 'validation' : 'train'}.loss`,
      metrics,
      hasValidation,
    );
    this.#early = options.earlyStopping && new EarlyStopping(this.#monitor, options.earlyStopping);
    this.#schedules = new Schedules(options.schedule, options.stepSchedule, this.#monitor);
    this.#folder = folder === undefined ? undefined : new RunFolder(folder);
    if (this.#folder && checkpoints !== false) {
      checkCount(checkpoints.everySteps, 'checkpoints.everySteps');
      const { keepBest = 1 } = checkpoints;
      this.#checkpoints = new Checkpoints(this.#folder.checkpoints, keepBest, this.#monitor.higherIsBetter);
    }
    this.#callbacks = [progressCallback(options.progress ?? 'auto'), ...(options.callbacks ?? [])];
    const history = () => this.#history;
    this.#context = {
      model,
      optimizer,
      get history() {
        return history();
      },
      stop: () => {
        this.#stopAsked = true;
      },
    };
  }

  async run(): Promise<FitResult> {
    const { epochs, signal, curves } = this.options;
    if (curves) await checkDrawing();
    signal?.throwIfAborted();
    const from = await this.#resume();
    this.#steps = await this.data.train.steps();
    if (this.#steps === 0) throw new ArgumentError('fit: the training data is empty');
    await this.#folder?.open(this.options.config, this.#globalStep);
    try {
      await this.#checkpoints?.prepare(this.#history.length);
      await this.#tell((callback) => callback.onTrainStart?.(this.#start(from), this.#context));
      while (this.#history.length < epochs && this.#ended === undefined) await this.#epoch();
    } catch (error) {
      if (signal?.aborted) await this.#save();
      throw error;
    } finally {
      await this.#folder?.close();
    }
    return this.#finish();
  }

  async #tell(call: (callback: Callback) => void | Promise<void>): Promise<void> {
    for (const callback of this.#callbacks) await call(callback);
  }

  #start(from: string | undefined): StartReport {
    const parameters = this.model.parameters().reduce((total, { size }) => total + size, 0);
    const start = { epochs: this.options.epochs, steps: this.#steps, parameters, threads: getThreads() };
    if (from === undefined) return start;
    return { ...start, resumed: { epoch: this.#history.length, globalStep: this.#globalStep, from } };
  }

  async #epoch(): Promise<void> {
    const epoch = this.#history.length;
    if (this.#position.step === 0) {
      this.#tally = new Tally(this.options.metrics);
      this.#seconds = 0;
    }
    await this.#tell((callback) => callback.onEpochStart?.(epoch + 1, this.#context));
    this.model.train();
    await this.#batches();
    if (this.#stopAsked) {
      this.#ended = 'stopped';
      await this.#save();
      return;
    }
    if (this.#tally.samples === 0) throw new ArgumentError('fit: the training data is empty');
    await this.#endEpoch(epoch);
  }

  /** The rest of the epoch. The next batch is made while the step of the present one runs. */
  async #batches(): Promise<void> {
    const { train } = this.data;
    train.restore(this.#position);
    const batches = train[Symbol.asyncIterator]();
    const take = async () => {
      const { value, done } = await batches.next();
      return done ? undefined : { batch: value, after: train.state() };
    };
    let upcoming = take();
    try {
      for (let current = await upcoming; current && !this.#stopAsked; current = await upcoming) {
        const started = performance.now();
        const stepping = this.#train(current.batch, current.after);
        upcoming = take();
        upcoming.catch(ignore);
        await stepping;
        this.#seconds += (performance.now() - started) / 1e3;
        await this.#afterStep();
      }
    } finally {
      await batches.return?.();
    }
  }

  async #train(batch: B, after: BatchPosition): Promise<void> {
    const { watch, optimizer, signal } = this.options;
    const isWatched = watch !== undefined && (this.#globalStep + 1) % watch === 0;
    this.#generator = defaultGenerator.getState();
    const { lr } = optimizer;
    const result = await this.#step(batch, isWatched, signal);
    this.#generator = undefined;
    if (!Number.isFinite(result.loss)) throw await this.#notFinite(result.loss, batch, lr);
    await this.#tally.add(result);
    this.#globalStep++;
    this.#position = after;
    this.#schedules.afterStep();
    const { epoch, step } = after;
    const at = { epoch: epoch + 1, globalStep: this.#globalStep };
    const { loss, samples, watched } = result;
    const report: StepReport = {
      ...at,
      step,
      steps: this.#steps,
      loss,
      lr,
      samples,
      scores: () => this.#tally.scores(),
    };
    await this.#log(report);
    await this.#tell((callback) => callback.onStep?.(report, this.#context));
    if (!watched) return;
    await this.#folder?.append({ kind: 'watch', time: new Date().toISOString(), ...at, ...watched });
    await this.#tell((callback) => callback.onWatch?.({ ...at, ...watched }, this.#context));
  }

  async #log({ epoch, step, globalStep, loss, lr }: StepReport): Promise<void> {
    if (globalStep % (this.options.logEvery ?? 10) !== 0) return;
    await this.#folder?.append({ kind: 'step', time: new Date().toISOString(), epoch, step, globalStep, loss, lr });
  }

  async #afterStep(): Promise<void> {
    const { checkpoints, signal } = this.options;
    const every = checkpoints ? checkpoints.everySteps : undefined;
    if (every !== undefined && this.#globalStep % every === 0) await this.#save();
    signal?.throwIfAborted();
  }

  async #endEpoch(epoch: number): Promise<void> {
    const { data, options } = this;
    const { optimizer, signal } = options;
    const { lr } = optimizer;
    // The same order each time, so that sums do not depend on how often a resumed training has iterated.
    (data.validation as Partial<TrainBatches<B>> | undefined)?.restore?.({ epoch: 0, step: 0 });
    const validation = data.validation && (await this.#evaluate(data.validation, signal));
    const report: EpochReport = {
      epoch: epoch + 1,
      globalStep: this.#globalStep,
      train: this.#tally.scores(),
      ...(validation && { validation }),
      lr,
      seconds: this.#seconds,
      samples: this.#tally.samples,
    };
    this.#history.push(report);
    this.#position = { epoch: epoch + 1, step: 0 };
    this.#schedules.afterEpoch(report);
    if (this.#early?.take(report) && (options.earlyStopping?.restoreBest ?? true))
      this.#best = await copies(this.model.stateDict());
    if (this.#early?.isOver(report.epoch)) this.#ended = 'early stopping';
    await this.#folder?.append({ kind: 'epoch', time: new Date().toISOString(), ...report });
    const { key } = this.#monitor;
    await this.#checkpoints?.offer(report.epoch, key, this.#monitor.of(report), this.model.stateDict());
    await this.#save();
    await this.#tell((callback) => callback.onEpochEnd?.(report, this.#context));
    if (this.#stopAsked) this.#ended ??= 'stopped';
  }

  async #finish(): Promise<FitResult> {
    const { folder, curves } = this.options;
    const restored = this.#best && this.#early?.state.bestEpoch;
    if (this.#best) {
      this.model.loadStateDict(this.#best);
      await evaluate([]);
    }
    if (curves && folder !== undefined) await drawCurves(folder);
    const end: EndReport = {
      reason: this.#ended ?? 'epochs',
      history: this.#history,
      ...(restored !== undefined && { restored }),
    };
    await this.#tell((callback) => callback.onTrainEnd?.(end, this.#context));
    const best = this.#checkpoints?.best;
    return { ...end, ...(best !== undefined && { best }) };
  }

  async #notFinite(loss: number, batch: B, lr: number): Promise<AnomalyError> {
    const { epoch, step } = this.#position;
    const bad: string[] = [];
    for (const [name, column] of Object.entries(batch))
      if ((await column.data()).some((value) => typeof value === 'number' && !Number.isFinite(value))) bad.push(name);
    const cause =
      bad.length > 0
        ? `The batch itself has NaN or infinity in ${bad.join(', ')}: check the data`
        : `The batch is finite, so it arose in the computation: lower the learning rate (now ${lr}), clip gradients ` +
          '(clipNorm), or run again in anomaly mode (BRAWN_ANOMALY=1 or setAnomalyMode(true)), which names the first op that gives NaN';
    const kept = this.#checkpoints && (await findCheckpoint(this.#checkpoints.last));
    const rescue = kept === undefined ? '' : `. The last checkpoint, ${kept}, is from before and can be resumed from`;
    return new AnomalyError(
      `fit: the loss is ${loss} in epoch ${epoch + 1}, step ${step + 1} (${this.#globalStep + 1} in all). ${cause}${rescue}`,
    );
  }

  async #save(): Promise<void> {
    if (!this.#checkpoints) return;
    const { state, groups } = this.options.optimizer.stateDict();
    const tensors = {
      ...withPrefix('model', this.model.stateDict()),
      ...withPrefix('optimizer', state),
      ...withPrefix('best', this.#best ?? {}),
      ...withPrefix('variables', this.options.variables ?? {}),
    };
    await this.#checkpoints.save(tensors, {
      position: this.#position,
      globalStep: this.#globalStep,
      seconds: this.#seconds,
      generator: this.#generator ?? defaultGenerator.getState(),
      optimizer: this.options.optimizer.where,
      groups,
      schedules: this.#schedules.state(),
      tally: this.#tally.state(),
      history: this.#history,
      early: this.#early?.state,
      ended: this.#ended,
    } satisfies TrainingState);
  }

  /** Takes over the checkpoint that was asked for; gives its path. */
  async #resume(): Promise<string | undefined> {
    const { resume = false, folder } = this.options;
    if (resume === false) {
      const found = this.#checkpoints && folder !== undefined && (await findCheckpoint(folder));
      if (found)
        throw new ArgumentError(
          `fit: ${folder} holds a training already (${found}); pass resume: true to go on with it, or another folder`,
        );
      return undefined;
    }
    const path = resume === true ? await findCheckpoint(folder as string) : await requireCheckpoint(resume);
    if (path === undefined) return undefined;
    const { tensors, state } = await readCheckpoint<TrainingState>(path);
    await this.#takeOver(path, tensors, state);
    return path;
  }

  async #takeOver(path: string, tensors: TensorRecord, state: TrainingState): Promise<void> {
    const { optimizer, variables = {} } = this.options;
    if (state.optimizer !== optimizer.where)
      throw new ArgumentError(
        `fit: ${path} is a checkpoint with ${state.optimizer}, the optimizer here is ${optimizer.where}`,
      );
    this.#schedules.check(state.schedules, path);
    this.model.loadStateDict(underPrefix('model', tensors), { where: path });
    optimizer.loadStateDict({ state: underPrefix('optimizer', tensors), groups: state.groups });
    assignState(variables, underPrefix('variables', tensors), { where: path });
    await evaluate([]);
    this.#schedules.restore(state.schedules);
    defaultGenerator.setState(state.generator);
    this.#tally.restore(state.tally);
    this.#history = [...state.history];
    this.#position = state.position;
    this.#globalStep = state.globalStep;
    this.#seconds = state.seconds;
    if (this.#early && state.early) this.#early.state = state.early;
    // An early stop stands; a training that a callback stopped, or that was given more epochs, goes on.
    this.#ended = state.ended === 'early stopping' ? state.ended : undefined;
    const best = underPrefix('best', tensors);
    if (Object.keys(best).length > 0) this.#best = best;
  }
}

/**
 * Trains `model` in place.
 *
 * Progress is shown (a bar on terminals, lines elsewhere). With a `folder` every epoch leaves a checkpoint, and
 * `resume` goes on from it bit for bit: weights, state of the optimizer and of schedules, random numbers, position in
 * the data, metrics. An `AbortSignal` ends training with its reason, after a checkpoint.
 *
 * @throws ArgumentError for options that make no sense, an empty data set, or a checkpoint of another model or
 * optimizer; AnomalyError when the loss is NaN or infinite; FileError when the folder cannot be written.
 */
export function fit<B extends Sample>(model: Module, data: FitData<B>, options: FitOptions<B>): Promise<FitResult> {
  return new Training(model, data, options).run();
}
