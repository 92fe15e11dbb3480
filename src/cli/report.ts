/** What training shows a person (a bar and lines) or a machine (`--json`: one object a line). */
import { type Bar, default as progress } from 'cli-progress';

/** Accuracy of one class. */
export interface ClassAccuracy {
  readonly label: string;
  readonly right: number;
  readonly total: number;
}

/** Everything a training run tells while it goes on. */
export type TrainEvent =
  | {
      readonly event: 'start';
      readonly recipe: string;
      readonly parameters: number;
      readonly train: number;
      readonly test: number;
      readonly threads: number;
    }
  | {
      readonly event: 'step';
      readonly epoch: number;
      readonly step: number;
      readonly steps: number;
      readonly loss: number;
      readonly accuracy: number;
      /** Images of the step. */
      readonly samples: number;
    }
  | {
      readonly event: 'epoch';
      readonly epoch: number;
      readonly loss: number;
      readonly trainAccuracy: number;
      readonly accuracy: number;
      readonly seconds: number;
      readonly imagesPerSecond: number;
    }
  | { readonly event: 'classes'; readonly classes: readonly ClassAccuracy[] }
  | { readonly event: 'file'; readonly kind: 'model' | 'picture' | 'curves'; readonly path: string }
  | { readonly event: 'verified'; readonly path: string; readonly predictions: number }
  | { readonly event: 'done'; readonly accuracy: number; readonly seconds: number };

export interface Reporter {
  report(event: TrainEvent): void;
}

/** One JSON object a line. Steps are too many to be of use there. */
export class JsonReporter implements Reporter {
  constructor(readonly out: NodeJS.WritableStream = process.stdout) {}

  report(event: TrainEvent): void {
    if (event.event !== 'step') this.out.write(`${JSON.stringify(event)}\n`);
  }
}

const percent = (fraction: number): string => `${(fraction * 100).toFixed(2)} %`;

/** A bar on terminals, plain lines elsewhere. */
export class TextReporter implements Reporter {
  #bar: Bar | undefined;
  #started = 0;
  #samples = 0;

  report(event: TrainEvent): void {
    switch (event.event) {
      case 'start':
        console.log(
          `${event.recipe}: ${event.train} images to learn from, ${event.test} held out; ` +
            `${event.parameters.toLocaleString('en-US')} parameters; ${event.threads} threads`,
        );
        break;
      case 'step':
        this.#step(event);
        break;
      case 'epoch':
        this.#bar?.stop();
        this.#bar = undefined;
        console.log(
          `epoch ${event.epoch}: loss ${event.loss.toFixed(4)}, training ${percent(event.trainAccuracy)}, ` +
            `held out ${percent(event.accuracy)} (${event.seconds.toFixed(1)} s, ${event.imagesPerSecond.toFixed(0)} images/s)`,
        );
        break;
      case 'classes':
        console.log(classTable(event.classes));
        break;
      case 'file':
        console.log(`${event.kind}: ${event.path}`);
        break;
      case 'verified':
        console.log(`loaded ${event.path} again: all ${event.predictions} predictions are the same`);
        break;
      case 'done':
        console.log(`held-out accuracy ${percent(event.accuracy)} after ${event.seconds.toFixed(1)} s of training`);
        break;
    }
  }

  #step({ epoch, step, steps, loss, accuracy, samples }: Extract<TrainEvent, { event: 'step' }>): void {
    if (!process.stdout.isTTY) return;
    if (!this.#bar) {
      this.#bar = new progress.SingleBar({
        format: `epoch ${epoch} |{bar}| {value}/{total} loss {loss} accuracy {accuracy} {rate} images/s eta {eta_formatted}`,
        barCompleteChar: '█',
        barIncompleteChar: '░',
        hideCursor: true,
      });
      this.#bar.start(steps, step - 1, { loss: '-', accuracy: '-', rate: '-' });
      [this.#started, this.#samples] = [performance.now(), 0];
    }
    this.#samples += samples;
    const seconds = Math.max(1e-3, (performance.now() - this.#started) / 1e3);
    const rate = (this.#samples / seconds).toFixed(0);
    this.#bar.update(step, { loss: loss.toFixed(4), accuracy: percent(accuracy), rate });
  }
}

/** Right answers per class, with a bar. */
export function classTable(classes: readonly ClassAccuracy[]): string {
  const width = Math.max(6, ...classes.map(({ label }) => label.length));
  const rows = classes.map(({ label, right, total }) => {
    const share = total === 0 ? 0 : right / total;
    return `${label.padStart(width)}${String(right).padStart(8)}${String(total).padStart(8)}${percent(share).padStart(11)}  ${'█'.repeat(Math.round(share * 20))}`;
  });
  return [
    `${'class'.padStart(width)}${'right'.padStart(8)}${'of'.padStart(8)}${'accuracy'.padStart(11)}`,
    ...rows,
  ].join('\n');
}
