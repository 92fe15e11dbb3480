/**
 * Lecture 3: separating data that no straight line separates.
 *
 * A network is a map of the plane, followed by a straight line. Its hidden layers bend the plane, h = tanh(W x + b) again
 * and again; the last of them has two neurons, so what has become of the plane can be drawn. The output is a line in
 * that picture: p = sigmoid(w1 h1 + w2 h2 + b) is above 1/2 on one side of it. Training bends until the line fits between
 * the classes.
 */
import { compile, manualSeed, type Tensor, tensor } from 'brawn';
import { Rng } from 'brawn/data';
import * as nn from 'brawn/nn';
import * as optim from 'brawn/optim';
import { type ExampleOptions, runExample, savePicture } from './support/picture.js';
import type { Point } from './support/svg.js';
import {
  contactSheet,
  type Film,
  type Frame,
  kGridLines,
  kMapSize,
  kReach,
  movingPicture,
} from './support/warp-picture.js';

type Floats = Tensor<'float32'>;

/** Points in the square from -1 to 1, their classes, and how large a network they need. */
interface Task {
  readonly name: string;
  readonly width: number;
  readonly steps: number;
  /** A point of class 0 or 1; `t` from 0 to 1 counts through the points of a class. */
  readonly sample: (label: number, t: number, rng: Rng) => Point;
}

const around = ([x, y]: Point, spread: number, rng: Rng): Point => [
  x + spread * rng.normal(),
  y + spread * rng.normal(),
];
const polar = (radius: number, angle: number): Point => [radius * Math.cos(angle), radius * Math.sin(angle)];

const tasks: readonly Task[] = [
  {
    name: 'Gaussians',
    ...{ width: 4, steps: 160 },
    sample: (label, _, rng) => around(label ? [0.4, 0.3] : [-0.4, -0.3], 0.2, rng),
  },
  {
    name: 'XOR',
    ...{ width: 16, steps: 240 },
    sample: (label, _, rng) => {
      const [x, sign] = [rng.uniform(0.08, 0.95) * (rng.next() % 2 ? 1 : -1), label ? -1 : 1];
      return [x, sign * Math.sign(x) * rng.uniform(0.08, 0.95)];
    },
  },
  {
    name: 'Circles',
    ...{ width: 12, steps: 240 },
    sample: (label, t, rng) => around(polar(label ? 0.3 : 0.8, 2 * Math.PI * t), 0.05, rng),
  },
  {
    name: 'Spirals',
    ...{ width: 24, steps: 1200 },
    sample: (label, t, rng) => around(polar(0.08 + 0.86 * t, 1.75 * 2 * Math.PI * t + Math.PI * label), 0.015, rng),
  },
];

/** Places in the plane, as a tensor [n, 2]. */
const placesOf = (points: readonly Point[]) => tensor(points.map((point) => [...point])) as Floats;

/** A square grid over the plane, `size` x `size` points from -reach to reach, row by row from the top. */
const gridOf = (size: number, reach: number) =>
  Array.from({ length: size * size }, (_, i): Point => {
    const at = (k: number) => reach * ((2 * k) / (size - 1) - 1);
    return [at(i % size), -at(Math.floor(i / size))];
  });

/** Step numbers to look at: many at first, when most happens. The first is 0, the last is `steps`. */
function momentsOf(count: number, steps: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.round(steps * (i / (count - 1)) ** 2.2));
}

/** Trains a network on a task and looks at it `frames` times. */
async function film(
  task: Task,
  { perClass, frames, seed }: { perClass: number; frames: number; seed: number },
): Promise<Film> {
  const rng = new Rng(seed, task.width);
  const labels = Array.from({ length: 2 * perClass }, (_, i) => i % 2);
  const points = labels.map((label, i) => task.sample(label, Math.floor(i / 2) / perClass, rng));

  const { width } = task;
  const layers = [nn.linear(2, width), nn.linear(width, width), nn.linear(width, 2)];
  // Orthogonal weights only turn the plane at first, so that it starts unfolded.
  for (const { weight } of layers) weight.assign(nn.init.orthogonal(weight.shape, { gain: 1.5 }));
  const bend = nn.sequential(...layers.flatMap((layer) => [layer, nn.tanh()]));
  const line = nn.linear(2, 1);
  // The decay of weights keeps the neurons off their flat ends for longer, so that there is more to see.
  const optimizer = optim.adamW([...bend.parameters(), ...line.parameters()], { lr: 0.01, weightDecay: 0.1 });

  const [x, y] = [placesOf(points), tensor(labels.map((label) => [label])) as Floats];
  const step = compile(() => {
    const loss = nn.binaryCrossEntropyWithLogits(line.forward(bend.forward(x)), y);
    optimizer.minimize(loss);
  });

  const [map, grid] = [placesOf(gridOf(kMapSize, kReach)), placesOf(gridOf(kGridLines, 1))];
  const look = compile(() => ({
    /** Above 0 where the network says class 1. */
    map: line.forward(bend.forward(map)),
    logits: line.forward(bend.forward(x)),
    points: bend.forward(x),
    grid: bend.forward(grid),
    line: [line.weight, line.bias as Floats],
  }));
  const frameAt = async (stepNumber: number): Promise<Frame> => {
    const seen = await look();
    const logits = await seen.logits.data();
    return {
      step: stepNumber,
      accuracy: labels.filter((label, i) => logits[i] > 0 === label > 0).length / labels.length,
      map: await seen.map.data(),
      points: (await seen.points.toArray()) as unknown as Point[],
      grid: (await seen.grid.toArray()) as unknown as Point[],
      line: [...(await seen.line[0].data()), ...(await seen.line[1].data())],
    };
  };

  const taken: Frame[] = [];
  let done = 0;
  for (const moment of momentsOf(frames, task.steps)) {
    for (; done < moment; done++) await step();
    taken.push(await frameAt(done));
  }
  return { name: task.name, network: `2-${width}-${width}-2-1`, labels, points, frames: taken };
}

export async function main(options: ExampleOptions) {
  const { quick, seed } = options;
  const [perClass, frames] = quick ? [40, 6] : [70, 20];
  const films: Film[] = [];
  for (const task of tasks) {
    manualSeed(seed);
    const made = await film(task, { perClass, frames, seed });
    const last = made.frames[frames - 1];
    const right = `${(100 * last.accuracy).toFixed(1)} % right after ${last.step} steps`;
    console.log(`${made.name.padEnd(10)} network ${made.network.padEnd(13)} ${right}`);
    films.push(made);
  }
  await savePicture(options, 'separating', {
    svg: movingPicture(films),
    still: contactSheet(films),
    see: 'above, the boundary closes in on the classes; below, the plane folds until one straight line is enough.',
  });
  return { accuracies: films.map(({ frames: taken }) => taken[frames - 1].accuracy), frames };
}

await runExample(import.meta.url, main);
