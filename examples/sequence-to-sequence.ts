/**
 * Sequence to sequence with attention, on one of three tasks (`--task`):
 *
 *     reverse   attention             ->  noitnetta
 *     sort      attention             ->  aeinnottt
 *     dates     the 9th of March 1987 ->  1987-03-09
 *
 * The encoder, a GRU that reads in both directions, gives one vector for each character. The decoder writes one character
 * after the other; for each it looks back at all vectors of the encoder, weighted by how well they match what it is looking
 * for (additive attention, Bahdanau et al. 2015). Nobody tells it where to look: the picture shows what it has found.
 *
 * While training, the decoder is given the right characters so far, so all its steps are one walk of a GRU. When it writes
 * by itself, a small program makes one step, and its state goes into the next. The tasks are in `support/sequence-tasks.ts`.
 */
import { arange, argMax, compile, concat, less, logicalNot, type Tensor, tensor, unsqueeze } from 'brawn';
import { Rng } from 'brawn/data';
import * as nn from 'brawn/nn';
import * as optim from 'brawn/optim';
import { Option } from 'commander';
import { drawAttention } from './support/attention-picture.js';
import { type ExampleOptions, runExample, savePicture } from './support/picture.js';
import { type Pair, type Task, type TaskName, taskNames, taskOf } from './support/sequence-tasks.js';

type Floats = Tensor<'float32'>;
type Whole = Tensor<'int32'>;

/** Stands behind the end of a text that is written. */
const kEnd = '.';

const lengthOf = ({ length }: string) => length;

/** The numbers of the characters of texts that are filled up with `filler`, [B, length]. */
function numbers(texts: readonly string[], length: number, filler: string, characters: string): Whole {
  const rows = texts.map((text) => Array.from(text.padEnd(length, filler), (letter) => characters.indexOf(letter)));
  return tensor(rows, { dtype: 'int32' });
}

/** What the decoder looks back at: a vector for each character, and which are padding. */
interface Memory {
  readonly keys: Floats;
  readonly padding: Tensor<'bool'>;
}

class Translator extends nn.Module<Floats, [x: Whole, lengths: Whole, before: Whole]> {
  /** Characters by their numbers. Sources are padded with ends. */
  readonly input: string;
  readonly output: string;
  readonly reading: nn.Embedding;
  readonly encoder: nn.GRU;
  readonly writing: nn.Embedding;
  readonly decoder: nn.GRU;
  readonly attention: nn.AdditiveAttention;
  readonly hidden: nn.Linear;
  readonly head: nn.Linear;

  constructor(
    readonly task: Task,
    readonly size: number,
  ) {
    super();
    this.input = task.input + kEnd;
    this.output = task.output + kEnd;
    const batchFirst = true;
    this.reading = nn.embedding(this.input.length, 16);
    this.encoder = nn.gru(16, size, { batchFirst, bidirectional: true });
    this.writing = nn.embedding(this.output.length + 1, 16);
    this.decoder = nn.gru(16, size, { batchFirst });
    this.attention = nn.additiveAttention(size, 2 * size, size);
    this.hidden = nn.linear(3 * size, size);
    this.head = nn.linear(size, this.output.length);
  }

  sources(texts: readonly string[]): [x: Whole, lengths: Whole] {
    const x = numbers(texts, this.task.longestSource, kEnd, this.input);
    return [x, tensor(texts.map(lengthOf), { dtype: 'int32' })];
  }

  targets(texts: readonly string[]): Whole {
    return numbers(texts, this.task.longestTarget, kEnd, this.output);
  }

  /** What the decoder is given before the first character: a number of its own, [B, 1]. */
  start(count: number): Whole {
    return tensor(new Int32Array(count).fill(this.output.length), { shape: [count, 1] });
  }

  encode(x: Whole, lengths: Whole): Memory {
    const [keys] = this.encoder.forward(this.reading.forward(x), undefined, { lengths });
    const padding = logicalNot(less(arange(x.shape[1], { dtype: 'int32' }), unsqueeze(lengths, 1)));
    return { keys, padding };
  }

  /** Logits [B, L, characters] after the characters `before` [B, L], the next state, and where the decoder looked. */
  decode({ keys, padding }: Memory, before: Whole, state?: Floats) {
    const [output, after] = this.decoder.forward(this.writing.forward(before), state);
    const [seen, weights] = this.attention.forward(output, keys, keys, { keyPaddingMask: padding });
    const logits = this.head.forward(this.hidden.forward(concat([output, seen], -1)).tanh());
    return { logits, state: after, weights };
  }

  override forward(x: Whole, lengths: Whole, before: Whole): Floats {
    return this.decode(this.encode(x, lengths), before).logits;
  }
}

/** A text that was read, what a model wrote, and where it looked: [characters written][characters of the source]. */
export interface Translation extends Pair {
  readonly looks: readonly (readonly number[])[];
}

/** What a model writes by itself, always the likeliest character. */
async function translate(model: Translator, sources: readonly string[]): Promise<Translation[]> {
  const read = compile((x: Whole, lengths: Whole) => model.encode(x, lengths));
  const write = compile((keys: Floats, padding: Tensor<'bool'>, before: Whole, state: Floats) => {
    const { logits, ...rest } = model.decode({ keys, padding }, before, state);
    return { next: argMax(logits, -1), ...rest };
  });
  const count = sources.length;
  const { longestSource, longestTarget } = model.task;
  const { keys, padding } = await read(...model.sources(sources));
  let next = model.start(count);
  let state: Floats = tensor(new Float32Array(count * model.size), { shape: [1, count, model.size] });
  const texts = sources.map(() => '');
  const looks: number[][][] = sources.map(() => []);
  for (let t = 0; t < longestTarget; t++) {
    const step = await write(keys, padding, next, state);
    const [letters, weights] = [await step.next.data(), await step.weights.data()];
    for (let i = 0; i < count; i++) {
      texts[i] += model.output[letters[i]];
      looks[i].push([...weights.subarray(i * longestSource, i * longestSource + sources[i].length)]);
    }
    ({ next, state } = step);
  }
  return sources.map((source, i) => {
    const [target] = texts[i].split(kEnd, 1);
    return { source, target, looks: looks[i].slice(0, target.length) };
  });
}

interface Options extends ExampleOptions {
  readonly task?: TaskName;
}

export async function main(options: Options) {
  const { quick, seed, task: name = 'dates' } = options;
  const task = taskOf(name, quick);
  const { size, steps, lr } = quick ? { size: 48, steps: 200, lr: 0.01 } : { size: 96, steps: task.steps, lr: 5e-3 };
  const rng = new Rng(seed);
  const draw = (count: number) => Array.from({ length: count }, () => task.make(rng));
  const model = new Translator(task, size);
  const optimizer = optim.adam(model.parameters(), { lr });
  const schedule = optim.cosineAnnealingLR(optimizer, { tMax: steps });
  const step = compile((x: Whole, lengths: Whole, target: Whole) => {
    const [count, length] = target.shape;
    const before = concat([model.start(count), target.narrow(1, 0, length - 1)], 1) as Whole;
    const logits = model.forward(x, lengths, before);
    const loss = nn.crossEntropy(logits.reshape([count * length, -1]) as Floats, target.reshape([-1]) as Whole);
    optimizer.minimize(loss, { clipNorm: 1 });
    return loss;
  });

  for (let i = 1; i <= steps; i++) {
    const pairs = draw(64);
    const [x, lengths] = model.sources(pairs.map(({ source }) => source));
    const loss = await step(x, lengths, model.targets(pairs.map(({ target }) => target)));
    schedule.step();
    if (i % (steps / 5) === 0) console.log(`step ${String(i).padStart(4)}  loss ${(await loss.item()).toFixed(4)}`);
  }

  model.eval();
  const write = (pairs: readonly Pair[]) =>
    translate(
      model,
      pairs.map(({ source }) => source),
    );
  const test = draw(500);
  const written = await write(test);
  const isRight = ({ target }: Pair, i: number) => target === test[i].target;
  const right = written.filter(isRight).length / test.length;
  for (const [i, pair] of written.slice(0, 6).entries())
    console.log(
      `  ${pair.source.padEnd(task.longestSource)}  ->  ${pair.target}${isRight(pair, i) ? '' : '  (wrong)'}`,
    );
  console.log(`${(100 * right).toFixed(1)} % of ${test.length} new texts are right in every character`);

  const shown = await write(task.shown);
  await savePicture(options, `attention-${name}`, { svg: drawAttention(shown), see: task.see });
  return { right, shown, expected: task.shown };
}

await runExample<Options>(import.meta.url, main, (command) =>
  command.addOption(new Option('--task <name>', 'what is learnt').choices(taskNames).default('dates')),
);
