/**
 * Lecture 4: the optimiser race, every rule of brawn/optim on four landscapes of two coordinates p = (x, y).
 *
 *     Beale        (1.5 - x + x y)^2 + (2.25 - x + x y^2)^2 + (2.625 - x + x y^3)^2    least at (3, 0.5)
 *     Rosenbrock   (1 - x)^2 + 100 (y - x^2)^2, a bent valley                          least at (1, 1)
 *     saddle       x^2 / 2 - y^2 / 2 + y^4 / 16                                        flat at (0, 0), least at (0, +-2)
 *     long valley  (u^2 + 100 v^2) / 2 with u, v the axes turned by 30 degrees         least at (0, 0)
 *
 * Plain descent goes p' = p - lr g with g the gradient. In the valley it may not go faster than lr < 2 / 100, or it
 * explodes across; along the valley it then keeps the share 1 - lr of its way at each step, and creeps. Momentum adds up
 * what the gradients agree on (b' = 0.9 b + g, p' = p - lr b'). Adagrad and its children divide each coordinate by the
 * size of its own gradients, Adam does both, Lion uses signs only, and L-BFGS learns the curvature as it goes.
 *
 * So that the race is fair, each rule runs with every rate of a grid at the same time, each in a group of its own, and
 * for each landscape the rate that arrives first counts. The map is drawn with the same functions, on a grid of points.
 */
import { compile, Parameter, stack, sum, type Tensor, tensor } from 'brawn';
import * as optim from 'brawn/optim';
import { type ExampleOptions, runExample, savePicture } from './support/picture.js';
import { drawRace } from './support/race-picture.js';

type Numbers = Tensor<'float64'>;
export type Point = readonly [x: number, y: number];

/** A function to go down. */
export interface Landscape {
  readonly name: string;
  readonly f: (x: Numbers, y: Numbers) => Numbers;
  readonly start: Point;
  readonly minima: readonly Point[];
  /** The least value. */
  readonly least: number;
  /** What the map shows: left, right, bottom, top. */
  readonly view: readonly [number, number, number, number];
}

const [cos, sin] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];

const saddle: Landscape = {
  name: 'saddle',
  f: (x, y) =>
    x
      .square()
      .mul(0.5)
      .sub(y.square().mul(0.5))
      .add(
        y
          .square()
          .square()
          .mul(1 / 16),
      ),
  start: [1.7, 0.001],
  minima: [
    [0, 2],
    [0, -2],
  ],
  least: -1,
  view: [-2.4, 2.4, -1.2, 3.2],
};

/** Where the rules race. */
export const landscapes: readonly Landscape[] = [
  {
    name: 'Beale',
    f: (x, y) => {
      const term = (a: number, power: Numbers) => x.mul(power).sub(x).add(a).square();
      return term(1.5, y)
        .add(term(2.25, y.square()))
        .add(term(2.625, y.mul(y.square())));
    },
    start: [0.7, 1.4],
    minima: [[3, 0.5]],
    least: 0,
    view: [-0.3, 3.9, -1.1, 1.8],
  },
  {
    name: 'Rosenbrock',
    f: (x, y) => x.sub(1).square().add(y.sub(x.square()).square().mul(100)),
    start: [-1.2, 1],
    minima: [[1, 1]],
    least: 0,
    view: [-1.8, 1.8, -0.7, 2.2],
  },
  saddle,
  {
    name: 'long valley',
    f: (x, y) => {
      const [u, v] = [x.mul(cos).add(y.mul(sin)), y.mul(cos).sub(x.mul(sin))];
      return u.square().add(v.square().mul(100)).mul(0.5);
    },
    start: [-9, -4],
    minima: [[0, 0]],
    least: 0,
    view: [-10.4, 2.6, -6.6, 3],
  },
];

/** The same saddle from exactly on its ridge, where the gradient has no part along y. */
const ridge: Landscape = { ...saddle, name: 'ridge', start: [1.7, 0] };

type Groups = readonly { readonly params: readonly Parameter[]; readonly lr: number }[];

/** The rules by name, with their defaults but for the rate. A family is a row of the picture. */
const families = {
  'one rate for all coordinates': {
    SGD: (groups: Groups) => optim.sgd(groups),
    momentum: (groups: Groups) => optim.sgd(groups, { momentum: 0.9 }),
    Nesterov: (groups: Groups) => optim.sgd(groups, { momentum: 0.9, nesterov: true }),
  },
  'a rate for each coordinate': {
    Adagrad: (groups: Groups) => optim.adagrad(groups),
    Adadelta: (groups: Groups) => optim.adadelta(groups),
    RMSprop: (groups: Groups) => optim.rmsprop(groups),
    'RMSprop, centred': (groups: Groups) => optim.rmsprop(groups, { centered: true }),
  },
  'momentum, and a rate for each': {
    Adam: (groups: Groups) => optim.adam(groups),
    AMSGrad: (groups: Groups) => optim.adam(groups, { amsgrad: true }),
    AdamW: (groups: Groups) => optim.adamW(groups),
    Adamax: (groups: Groups) => optim.adamax(groups),
    NAdam: (groups: Groups) => optim.nadam(groups),
    RAdam: (groups: Groups) => optim.radam(groups),
  },
  'signs only, and curvature': {
    Lion: (groups: Groups) => optim.lion(groups),
  },
} as const;

/** Not in the grid: a line search finds its rate. */
const kCurvature = 'L-BFGS';

const kRates = [3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1, 3, 10];
/** Arrived is who comes this close to the least value and stays there. */
const kClose = 1e-3;

/** How one rule fared on one landscape. */
export interface Run {
  readonly rule: string;
  readonly landscape: string;
  readonly rate: number;
  /** Where it was before the first step, after it, and so on. */
  readonly path: readonly Point[];
  /** The values there, above the least one. */
  readonly heights: readonly number[];
  /** After how many steps it had arrived; undefined if it had not. */
  readonly arrived: number | undefined;
}

function finish(run: Omit<Run, 'arrived'>): Run {
  const last = run.heights.findLastIndex((height) => !(height < kClose));
  return { ...run, arrived: last + 1 < run.heights.length ? last + 1 : undefined };
}

const valueAt = ({ f }: Landscape, position: Parameter): Numbers =>
  f(position.select(0, 0) as Numbers, position.select(0, 1) as Numbers);

/** To three digits, and no -0. */
const rounded = (value: number) => Math.round(1000 * value) / 1000 + 0;

const pointOf = (values: ArrayLike<number>, i: number): Point => [values[2 * i], values[2 * i + 1]];

/** Runs a rule on all landscapes with all rates: one program that makes a step of every run. */
async function race(rule: string, make: (groups: Groups) => optim.Optimizer, steps: number): Promise<Run[]> {
  const runs = [...landscapes, ridge].flatMap((landscape) =>
    kRates.map((rate) => {
      const position = new Parameter(tensor(landscape.start, { dtype: 'float64' }));
      return { landscape, rate, position, path: [] as Point[], heights: [] as number[] };
    }),
  );
  const optimizer = make(runs.map(({ position, rate }) => ({ params: [position], lr: rate })));
  const step = compile(() => {
    const positions = stack(runs.map(({ position }) => position));
    const values = stack(runs.map(({ landscape, position }) => valueAt(landscape, position)));
    // Each value depends on its own position only, so the sum has the gradient of each.
    optimizer.minimize(sum(values));
    return { positions, values };
  });
  for (let i = 0; i <= steps; i++) {
    const { positions, values } = await step();
    const [at, height] = [await positions.data(), await values.data()];
    runs.forEach(({ landscape, path, heights }, k) => {
      path.push(pointOf(at as Float64Array, k));
      heights.push(height[k] - landscape.least);
    });
  }
  return runs.map(({ landscape, rate, path, heights }) =>
    finish({ rule, landscape: landscape.name, rate, path, heights }),
  );
}

/** Runs L-BFGS on a landscape, one iteration a step; counts how often it evaluates the function until it arrives. */
async function raceCurvature(landscape: Landscape, steps: number): Promise<Run & { readonly evaluations: number }> {
  const position = new Parameter(tensor(landscape.start, { dtype: 'float64' }));
  const optimizer = optim.lbfgs([position], { maxIter: 1, lineSearchFn: 'strong_wolfe' });
  const [path, heights]: [Point[], number[]] = [[landscape.start], []];
  const evaluations: number[] = [];
  const closure = () => valueAt(landscape, position);
  for (let i = 0; i <= steps; i++) {
    evaluations.push(Number(optimizer.stateDict().numbers.func_evals));
    heights.push((await optimizer.step(closure)) - landscape.least);
    path.push(pointOf((await position.data()) as Float64Array, 0));
  }
  path.pop();
  const run = finish({ rule: kCurvature, landscape: landscape.name, rate: optimizer.lr, path, heights });
  return { ...run, evaluations: evaluations[run.arrived ?? steps] };
}

/** Who arrives first; among those that do not arrive, who ends lowest. */
function best(runs: readonly Run[]): Run {
  const end = ({ heights }: Run) => heights[heights.length - 1];
  const cost = (run: Run) => run.arrived ?? run.heights.length + (Number.isFinite(end(run)) ? end(run) : Infinity);
  return runs.reduce((found, run) => (cost(run) < cost(found) ? run : found));
}

/** What the race found. */
export interface RaceResult {
  /** The best run of each rule on each landscape. */
  readonly best: readonly Run[];
  /** Every run from exactly on the ridge. */
  readonly ridge: readonly Run[];
  /** How often L-BFGS evaluated each landscape until it arrived. */
  readonly evaluations: Readonly<Record<string, number>>;
}

function printTable({ best, evaluations }: RaceResult): void {
  for (const { name, minima } of landscapes) {
    const goal = minima.map(([x, y]) => `(${x}, ${y})`).join(' or ');
    console.log(`\n${name}: least at ${goal}`);
    console.log('  rule                 rate    steps   ended at             above the least');
    for (const { rule, rate, arrived, path, heights } of best.filter(({ landscape }) => landscape === name)) {
      const [x, y] = path[path.length - 1].map((value) => rounded(value).toFixed(3).padStart(6));
      const height = heights[heights.length - 1].toExponential(1);
      const note = rule === kCurvature ? `   (${evaluations[name]} evaluations)` : '';
      const columns = [rule.padEnd(18), String(rate).padStart(6), String(arrived ?? '-').padStart(7)];
      console.log(`  ${columns.join('  ')}   (${x}, ${y})   ${height.padStart(8)}${note}`);
    }
  }
}

/** Runs the race, prints where each ended, and draws the paths. */
export async function main(options: ExampleOptions): Promise<RaceResult> {
  const steps = options.quick ? 300 : 2000;
  const all: Run[] = [];
  const found: Run[] = [];
  for (const [rule, make] of Object.values(families).flatMap((rules) => Object.entries(rules))) {
    const runs = await race(rule, make, steps);
    all.push(...runs);
    for (const { name } of landscapes) found.push(best(runs.filter(({ landscape }) => landscape === name)));
  }
  const evaluations: Record<string, number> = {};
  for (const landscape of landscapes) {
    const run = await raceCurvature(landscape, Math.min(steps, 200));
    evaluations[landscape.name] = run.evaluations;
    found.push(run);
  }
  all.push(await raceCurvature(ridge, 20));
  const result = { best: found, ridge: all.filter(({ landscape }) => landscape === ridge.name), evaluations };

  console.log(`Steps until a run is within ${kClose} of the least value for good; - for never in ${steps} steps.`);
  printTable(result);
  const stuck = result.ridge.filter(({ path }) => path.every(([, y]) => y === 0)).length;
  console.log(`\nFrom exactly on the ridge of the saddle, ${stuck} of ${result.ridge.length} runs never leave it.`);

  const rows = Object.entries(families).map(([title, rules]) => ({ title, rules: Object.keys(rules) }));
  rows[rows.length - 1].rules.push(kCurvature);
  await savePicture(options, 'optimizer-race', {
    svg: await drawRace(landscapes, rows, found),
    see: 'in the long valley SGD creeps where momentum rolls, and L-BFGS takes the bend of Rosenbrock in a few strides.',
  });
  return result;
}

await runExample(import.meta.url, main);
