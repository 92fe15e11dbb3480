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
import { type GradientAccumulator, gradientAccumulator, LBFGS } from '../optim/index.js';
import { defaultGenerator, type GeneratorState } from '../random.js';
import { evaluate } from '../runtime/run.js';
import { getThreads } from '../runtime/threads.js';
import type { Tensor } from '../tensor.js';
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
import { type EarlyState, EarlyStopping, Monitor } from './early-stopping.js';
import { checkFitOptions, type FitData, type FitOptions, type FitResult, type TrainBatches } from './fit-options.js';
import { whyNotFinite } from './not-finite.js';
import { progressCallback } from './progress.js';
import { RunFolder } from './run-folder.js';
import { Schedules } from './schedules.js';
import {
  evaluator,
  lbfgsStep,
  type Objective,
  type Scores,
  Tally,
  type TallyState,
  type TrainStep,
  trainStep,
} from './step.js';

/** What a checkpoint holds beside tensors. */
interface TrainingState {
  readonly position: BatchPosition;
  readonly globalStep: number;
  readonly seconds: number;
  readonly generator: GeneratorState;
  /** Its name, and its state but for the tensors. */
  readonly optimizer: { readonly name: string; readonly plain: object };
  readonly accumulate: number;
  readonly schedules: unknown;
  readonly tally: TallyState;
  readonly history: readonly EpochReport[];
  readonly early: EarlyState | undefined;
  readonly ended: EndReport['reason'] | undefined;
}

const ignore = (): void => {};

class Training<B extends Sample, Output> {
  readonly #objective: Objective<B, Output>;
  readonly #step: TrainStep<B>;
  readonly #accumulator: GradientAccumulator | undefined;
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
    readonly model: Module<Output>,
    readonly data: FitData<B>,
    readonly options: FitOptions<B, Output>,
  ) {
    checkFitOptions(options);
    const { metrics = {}, optimizer, folder, checkpoints = {}, accumulate = 1, average } = options;
    const objective: Objective<B, Output> = { ...options, model };
    this.#objective = objective;
    if (optimizer instanceof LBFGS) this.#step = lbfgsStep(objective, optimizer, average);
    else {
      if (accumulate > 1) this.#accumulator = gradientAccumulator(optimizer, accumulate);
      this.#step = trainStep(objective, { ...options, optimizer }, this.#accumulator);
    }
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
    const { accumulate = 1 } = this.options;
    if (this.#steps !== undefined && this.#steps * epochs < accumulate)
      throw new ArgumentError(
        `fit: accumulate ${accumulate} is more than the ${this.#steps * epochs} batches of the training: nothing would be updated`,
      );
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
    const { watch, optimizer, signal, accumulate = 1 } = this.options;
    const number = this.#globalStep + 1;
    const kind = { isWatched: watch !== undefined && number % watch === 0, updates: number % accumulate === 0 };
    this.#generator = defaultGenerator.getState();
    const { lr } = optimizer;
    const result = await this.#step(batch, kind, signal).catch(async (error: unknown) => {
      throw error instanceof AnomalyError ? await this.#notFinite(error, batch) : error;
    });
    this.#generator = undefined;
    await this.#tally.add(result);
    this.#globalStep = number;
    this.#position = after;
    if (kind.updates) this.#schedules.afterStep();
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

  /** Scores on the validation data, and the weights that have them: the averaged ones where there is an average. */
  async #validate(): Promise<{ validation: Scores | undefined; weights: TensorRecord }> {
    const { data, model } = this;
    const { average, accumulate = 1, signal } = this.options;
    const measure = async () => {
      // The same order each time, so that sums do not depend on how often a resumed training has iterated.
      (data.validation as Partial<TrainBatches<B>> | undefined)?.restore?.({ epoch: 0, step: 0 });
      return data.validation && this.#evaluate(data.validation, signal);
    };
    if (!average || this.#globalStep < accumulate) return { validation: await measure(), weights: model.stateDict() };
    return average.use(async () => ({ validation: await measure(), weights: await copies(model.stateDict()) }));
  }

  async #endEpoch(epoch: number): Promise<void> {
    const { options } = this;
    const { lr } = options.optimizer;
    const { validation, weights } = await this.#validate();
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
    if (this.#early?.take(report) && (options.earlyStopping?.restoreBest ?? true)) this.#best = await copies(weights);
    if (this.#early?.isOver(report.epoch)) this.#ended = 'early stopping';
    await this.#folder?.append({ kind: 'epoch', time: new Date().toISOString(), ...report });
    const { key } = this.#monitor;
    await this.#checkpoints?.offer(report.epoch, key, this.#monitor.of(report), weights);
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

  async #notFinite(error: AnomalyError, batch: B): Promise<AnomalyError> {
    const { epoch, step } = this.#position;
    if (this.#generator) defaultGenerator.setState(this.#generator);
    const cause = await whyNotFinite(this.#objective, this.options.optimizer, batch, error);
    const kept = this.#checkpoints && (await findCheckpoint(this.#checkpoints.last));
    const rescue = kept === undefined ? '' : ` The last checkpoint is ${kept}.`;
    return new AnomalyError(
      `fit: the loss is NaN or infinite in epoch ${epoch + 1}, step ${step + 1} (${this.#globalStep + 1} in all). ` +
        `${cause} This step has changed no weight.${rescue}`,
    );
  }

  async #save(): Promise<void> {
    if (!this.#checkpoints) return;
    const { optimizer, average, accumulate = 1, variables = {} } = this.options;
    const { state, ...plain } = optimizer.stateDict();
    const tensors = {
      ...withPrefix('model', this.model.stateDict()),
      ...withPrefix('optimizer', state),
      ...withPrefix('average', average?.stateDict() ?? {}),
      ...withPrefix('accumulated', this.#accumulator?.stateDict() ?? {}),
      ...withPrefix('best', this.#best ?? {}),
      ...withPrefix('variables', variables),
    };
    await this.#checkpoints.save(tensors, {
      position: this.#position,
      globalStep: this.#globalStep,
      seconds: this.#seconds,
      generator: this.#generator ?? defaultGenerator.getState(),
      optimizer: { name: optimizer.where, plain },
      accumulate,
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

  #checkSame(path: string, what: string, there: unknown, here: unknown): void {
    if (there !== here)
      throw new ArgumentError(`fit: ${path} is a checkpoint of a training with ${what} ${there}, here it is ${here}`);
  }

  async #takeOver(path: string, tensors: TensorRecord, state: TrainingState): Promise<void> {
    const { optimizer, average, accumulate = 1, variables = {} } = this.options;
    const averages = underPrefix('average', tensors);
    this.#checkSame(path, 'the optimizer', state.optimizer.name, optimizer.where);
    this.#checkSame(path, 'accumulate', state.accumulate, accumulate);
    this.#checkSame(path, 'an average of weights', Object.keys(averages).length > 0, average !== undefined);
    this.#schedules.check(state.schedules, path);
    this.model.loadStateDict(underPrefix('model', tensors), { where: path });
    await optimizer.loadStateDict({ state: underPrefix('optimizer', tensors), ...state.optimizer.plain } as never);
    average?.loadStateDict(averages);
    this.#accumulator?.loadStateDict(underPrefix('accumulated', tensors));
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
export function fit<B extends Sample, Output = Tensor<'float32'>>(
  model: Module<Output>,
  data: FitData<B>,
  options: FitOptions<B, Output>,
): Promise<FitResult> {
  return new Training(model, data, options).run();
}
