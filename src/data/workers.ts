/**
 * Maps that run in worker threads, off the event loop: a pool of threads that each import one module and call one of its
 * exports on samples as plain arrays. Threads start when the first sample comes and never keep the process alive.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { ArgumentError, StateError } from '../errors.js';
import { fromHost, type HostSample, toHost } from './host.js';
import { checkCount, type Sample, type Visit } from './sample.js';

/** Options of `inWorkers`. */
export interface WorkerOptions {
  /** Threads; as many as the process may run at once unless told. */
  readonly workers?: number;
  /** Name of the exported function; `map` unless told. */
  readonly export?: string;
  /** Third argument of each call: anything that structured clone copies. */
  readonly data?: unknown;
}

/** A function for `Dataset.map`; give it a `concurrency` of at least the number of threads. */
export interface WorkerMap<T extends Sample = Sample, U extends Sample = Sample> {
  (sample: T, visit: Visit): Promise<U | undefined>;
  /** Ends the threads; calls that wait reject. A later call starts new ones. */
  close(): Promise<void>;
}

interface Job {
  readonly sample: HostSample;
  readonly visit: Visit;
  readonly resolve: (sample: HostSample | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** @internal What a thread sends back. */
export type Reply = { readonly sample?: HostSample } | { readonly error: Error };

class Pool {
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Job>();
  readonly #waiting: Job[] = [];

  constructor(
    readonly size: number,
    readonly setup: unknown,
  ) {}

  run(sample: HostSample, visit: Visit): Promise<HostSample | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ sample, visit, resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    const workers = [...this.#idle, ...this.#busy.keys()];
    this.#idle.length = 0;
    for (const { reject } of this.#waiting.splice(0)) reject(new StateError('inWorkers: the threads were closed'));
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  #next(): void {
    if (this.#waiting.length === 0) return;
    const worker = this.#idle.pop() ?? (this.#busy.size < this.size ? this.#start() : undefined);
    if (!worker) return;
    const job = this.#waiting.shift() as Job;
    this.#busy.set(worker, job);
    // Only work that somebody waits for keeps the process alive.
    worker.ref();
    worker.postMessage({ sample: job.sample, visit: job.visit });
  }

  #start(): Worker {
    const worker = new Worker(new URL('../data/worker-entry.js', import.meta.url), { workerData: this.setup });
    worker.on('message', (reply: Reply) => {
      const job = this.#busy.get(worker);
      this.#busy.delete(worker);
      worker.unref();
      this.#idle.push(worker);
      if ('error' in reply) job?.reject(reply.error);
      else job?.resolve(reply.sample);
      this.#next();
    });
    const lost = (error: Error) => {
      const job = this.#busy.get(worker);
      this.#busy.delete(worker);
      const at = this.#idle.indexOf(worker);
      if (at >= 0) this.#idle.splice(at, 1);
      job?.reject(error);
      // One whose answer cannot be read is still alive.
      void worker.terminate();
      this.#next();
    };
    worker.on('error', lost);
    worker.on('messageerror', lost);
    worker.on('exit', (code) => lost(new StateError(`inWorkers: a thread ended with code ${code}`)));
    return worker;
  }
}

/**
 * A function for `Dataset.map` that runs in worker threads: `data.map(inWorkers(new URL('./decode.js', import.meta.url)),
 * { concurrency: 8 })`. The module exports `map(sample, visit, data)`, which sees each tensor as `{ data, shape, dtype }`
 * and gives a sample of these, undefined to leave it out, or a promise of either.
 */
export function inWorkers<T extends Sample = Sample, U extends Sample = Sample>(
  module: URL | string,
  options: WorkerOptions = {},
): WorkerMap<T, U> {
  const { workers = availableParallelism(), export: name = 'map', data } = options;
  checkCount(workers, 1, 'inWorkers', 'workers');
  let url: string;
  try {
    url = new URL(module).href;
  } catch {
    throw new ArgumentError(`inWorkers: module must be a URL, such as new URL('./map.js', import.meta.url)`);
  }
  const pool = new Pool(workers, { url, name, data });
  const map = async (sample: T, visit: Visit): Promise<U | undefined> => {
    const result = await pool.run(await toHost(sample), visit);
    return result && fromHost<U>(result);
  };
  return Object.assign(map, { close: () => pool.close() });
}
