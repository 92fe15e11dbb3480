/** What training shows a person (a bar and lines) or a machine (`--json`: one object a line). */
import { type Bar, default as progress } from 'cli-progress';

/** Accuracy of one class. */
export interface ClassAccuracy {
  readonly label: string;
  readonly right: number;
  readonly total: number;
}

/** How well a network writes on text that was held out; absent when none was. */
export interface TextScores {
  /** Mean negative log-likelihood per token, in nats. */
  readonly validationLoss?: number;
  /** The same in bits, per character of the text. */
  readonly bitsPerCharacter?: number;
}

/** An epoch of a training on text. */
export interface TextEpochEvent extends TextScores {
  readonly event: 'epoch';
  readonly epoch: number;
  readonly unit: string;
  /** Of the training, in nats per token. */
  readonly loss: number;
  readonly lr: number;
  readonly seconds: number;
  readonly itemsPerSecond: number;
}

/** Everything a training run tells while it goes on. */
export type TrainEvent =
  | {
      readonly event: 'start';
      readonly recipe: string;
      /** What is counted: images, characters, words, ... */
      readonly unit: string;
      readonly parameters: number;
      readonly train: number;
      readonly test: number;
      readonly threads: number;
      /** Different tokens, for text. */
      readonly vocabulary?: number;
    }
  | {
      readonly event: 'step';
      readonly epoch: number;
      readonly step: number;
      readonly steps: number;
      readonly loss: number;
      readonly accuracy?: number;
      /** Images or tokens of the step. */
      readonly items: number;
      readonly unit: string;
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
  | TextEpochEvent
  | { readonly event: 'sample'; readonly text: string }
  | { readonly event: 'classes'; readonly classes: readonly ClassAccuracy[] }
  | { readonly event: 'file'; readonly kind: 'model' | 'picture' | 'curves'; readonly path: string }
  | { readonly event: 'verified'; readonly path: string; readonly predictions: number }
  | { readonly event: 'done'; readonly accuracy: number; readonly seconds: number }
  | ({ readonly event: 'done'; readonly unit: string; readonly seconds: number } & TextScores);

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

type Told<Event extends TrainEvent['event']> = Extract<TrainEvent, { event: Event }>;

function startLine({ recipe, unit, train, test, vocabulary, parameters, threads }: Told<'start'>): string {
  const count = (value: number) => value.toLocaleString('en-US');
  const kinds = vocabulary === undefined ? '' : ` (${count(vocabulary)} different)`;
  return (
    `${recipe}: ${count(train)} ${unit} to learn from${kinds}, ${count(test)} held out; ` +
    `${count(parameters)} parameters; ${threads} threads`
  );
}

/** Nats per token and bits per character, where text was held out. */
function textScores({ validationLoss, bitsPerCharacter }: TextScores, unit: string): string {
  if (validationLoss === undefined || bitsPerCharacter === undefined) return '';
  return `held out ${validationLoss.toFixed(4)} nats per ${unit.replace(/s$/, '')}, ${bitsPerCharacter.toFixed(4)} bits per character`;
}

function epochLine(event: Told<'epoch'>): string {
  const { epoch, loss, seconds } = event;
  if ('imagesPerSecond' in event)
    return (
      `epoch ${epoch}: loss ${loss.toFixed(4)}, training ${percent(event.trainAccuracy)}, ` +
      `held out ${percent(event.accuracy)} (${seconds.toFixed(1)} s, ${event.imagesPerSecond.toFixed(0)} images/s)`
    );
  const { unit, itemsPerSecond } = event;
  const scores = [`loss ${loss.toFixed(4)}`, textScores(event, unit)].filter((text) => text !== '');
  return `epoch ${epoch}: ${scores.join(', ')} (${seconds.toFixed(1)} s, ${itemsPerSecond.toFixed(0)} ${unit}/s)`;
}

function doneLine(event: Told<'done'>): string {
  if ('accuracy' in event) return `held-out accuracy ${percent(event.accuracy)}`;
  return textScores(event, event.unit) || 'done';
}

/** A bar on terminals, plain lines elsewhere. */
export class TextReporter implements Reporter {
  #bar: Bar | undefined;
  #started = 0;
  #items = 0;

  report(event: TrainEvent): void {
    switch (event.event) {
      case 'start':
        console.log(startLine(event));
        break;
      case 'step':
        this.#step(event);
        break;
      case 'epoch':
        this.#bar?.stop();
        this.#bar = undefined;
        console.log(epochLine(event));
        break;
      case 'sample':
        console.log(`\n${event.text}\n`);
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
        console.log(`${doneLine(event)} after ${event.seconds.toFixed(1)} s of training`);
        break;
    }
  }

  #step({ epoch, step, steps, loss, accuracy, items, unit }: Extract<TrainEvent, { event: 'step' }>): void {
    if (!process.stdout.isTTY) return;
    if (!this.#bar) {
      this.#bar = new progress.SingleBar({
        format: `epoch ${epoch} |{bar}| {value}/{total} loss {loss}{accuracy} {rate} ${unit}/s eta {eta_formatted}`,
        barCompleteChar: '█',
        barIncompleteChar: '░',
        hideCursor: true,
      });
      this.#bar.start(steps, step - 1, { loss: '-', accuracy: '', rate: '-' });
      [this.#started, this.#items] = [performance.now(), 0];
    }
    this.#items += items;
    const seconds = Math.max(1e-3, (performance.now() - this.#started) / 1e3);
    const rate = (this.#items / seconds).toFixed(0);
    const reached = accuracy === undefined ? '' : ` accuracy ${percent(accuracy)}`;
    this.#bar.update(step, { loss: loss.toFixed(4), accuracy: reached, rate });
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
