/** What a training shows: a bar on a terminal, plain lines elsewhere, or one JSON object a line for machines. */
import { type Bar, default as cliProgress } from 'cli-progress';
import type { Callback, EndReport, EpochReport, StartReport, StepReport } from './callbacks.js';
import type { Scores } from './step.js';

/** `auto` is a bar on terminals and lines elsewhere. */
export type ProgressStyle = 'auto' | 'bar' | 'lines' | 'json' | 'none';

/** Where progress is written. */
export interface ProgressOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** How often a bar is redrawn, and how often a long epoch gives a line, in milliseconds. */
const kBarInterval = 100;
const kLineInterval = 10_000;

/** Names and numbers as in `loss 0.1234, accuracy 0.9876`; tables are left out. */
export function showScores(scores: Scores): string {
  const numbers = Object.entries(scores).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
  return numbers.map(([name, value]) => `${name} ${value.toFixed(4)}`).join(', ');
}

/** Seconds as `42 s`, `3:05` or `1:02:03`. */
export function showDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] > 0 ? parts : parts.slice(1);
  return shown.map((part, i) => (i === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}

/** Speed of the present epoch and what is left of it. */
class Pace {
  #start = 0;
  #first: number | undefined;
  #samples = 0;

  begin(): void {
    this.#start = performance.now();
    this.#first = undefined;
    this.#samples = 0;
  }

  take({ samples, step }: StepReport): void {
    this.#first ??= step - 1;
    this.#samples += samples;
  }

  of({ step, steps }: StepReport): string {
    const seconds = Math.max(1e-3, (performance.now() - this.#start) / 1e3);
    const rate = `${(this.#samples / seconds).toFixed(0)} items/s`;
    if (steps === undefined) return rate;
    const left = ((steps - step) * seconds) / Math.max(1, step - (this.#first ?? 0));
    return `${rate}, ${showDuration(left)} left`;
  }
}

const epochLine = ({ epoch, train, validation, seconds, samples }: EpochReport): string =>
  `epoch ${epoch}: ${showScores(train)}${validation ? `; validation: ${showScores(validation)}` : ''} ` +
  `(${showDuration(seconds)}, ${(samples / Math.max(seconds, 1e-3)).toFixed(0)} items/s)`;

const startLine = ({ parameters, threads, epochs, resumed }: StartReport): string =>
  `${parameters.toLocaleString('en-US')} parameters, ${epochs} epochs, ${threads} threads` +
  (resumed ? `; goes on after epoch ${resumed.epoch}, step ${resumed.globalStep}` : '');

function endLine({ reason, restored }: EndReport): string | undefined {
  if (reason === 'epochs' && restored === undefined) return undefined;
  const why = reason === 'epochs' ? 'done' : `ended by ${reason === 'stopped' ? 'a callback' : reason}`;
  return restored === undefined ? why : `${why}; the model has the weights of epoch ${restored}`;
}

/** Lines for people; `bar` draws one for the present epoch. */
class TextProgress implements Callback {
  readonly #pace = new Pace();
  #bar: Bar | undefined;
  #shown = 0;

  constructor(
    readonly out: ProgressOutput,
    readonly hasBar: boolean,
  ) {}

  onTrainStart(report: StartReport): void {
    this.out.write(`${startLine(report)}\n`);
  }

  onEpochStart(): void {
    this.#pace.begin();
    this.#shown = performance.now();
  }

  onStep(report: StepReport): void {
    this.#pace.take(report);
    const now = performance.now();
    if (this.hasBar && report.steps !== undefined) this.#draw(report, report.steps, now);
    else if (now - this.#shown >= kLineInterval) {
      this.#shown = now;
      const { epoch, step, steps } = report;
      this.out.write(
        `epoch ${epoch}, step ${step}${steps === undefined ? '' : ` of ${steps}`}: ${showScores(report.scores())} (${this.#pace.of(report)})\n`,
      );
    }
  }

  #draw(report: StepReport, steps: number, now: number): void {
    if (!this.#bar) {
      this.#bar = new cliProgress.SingleBar({
        format: `epoch ${report.epoch} {bar} {value}/{total}  {scores}  {pace}`,
        barCompleteChar: '█',
        barIncompleteChar: '░',
        barsize: 24,
        hideCursor: true,
        stream: this.out as NodeJS.WritableStream,
      });
      this.#bar.start(steps, 0, { scores: '', pace: '' });
    } else if (now - this.#shown < kBarInterval && report.step < steps) return;
    this.#shown = now;
    this.#bar.update(report.step, { scores: showScores(report.scores()), pace: this.#pace.of(report) });
  }

  #close(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  onEpochEnd(report: EpochReport): void {
    this.#close();
    this.out.write(`${epochLine(report)}\n`);
  }

  onTrainEnd(report: EndReport): void {
    this.#close();
    const line = endLine(report);
    if (line !== undefined) this.out.write(`${line}\n`);
  }
}

/** One object a line: `start`, `epoch`, `watch` and `end`. Steps are in the run folder's file of metrics. */
function jsonProgress(out: ProgressOutput): Callback {
  const tell = (event: string, report: object) => void out.write(`${JSON.stringify({ event, ...report })}\n`);
  return {
    onTrainStart: (report) => tell('start', report),
    onEpochEnd: (report) => tell('epoch', report),
    onWatch: (report) => tell('watch', report),
    onTrainEnd: ({ reason, restored, history }) => tell('end', { reason, restored, epochs: history.length }),
  };
}

/** The callback that shows progress in a style. */
export function progressCallback(style: ProgressStyle, out: ProgressOutput = process.stdout): Callback {
  if (style === 'none') return {};
  if (style === 'json') return jsonProgress(out);
  return new TextProgress(out, style === 'bar' || (style === 'auto' && out.isTTY === true));
}
