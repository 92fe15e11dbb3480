/**
 * Lecture 1: linear and logistic regression by gradient descent.
 *
 * A model has parameters theta = (w, b), a cost L(theta) says how badly it does, and gradient descent walks downhill:
 *
 *     theta <- theta - eta * dL/dtheta
 *
 * The three ways to do it differ in how many examples the gradient is an average over: all of them (full batch), a few
 * (mini-batch), or one (stochastic). Fewer examples make an update cheaper, but its direction noisier.
 */
import { add, compile, grad, matmul, mul, Parameter, sub, type Tensor, tensor } from 'brawn';
import { fromArrays, Rng } from 'brawn/data';
import { binaryCrossEntropyWithLogits, mse } from 'brawn/nn';
import { colourRange, colours, drawVega, type ExampleOptions, runExample, savePicture } from './support/picture.js';

type Floats = Tensor<'float64'>;

/** Something to learn: examples, a cost, and where and how fast to walk. */
interface Problem {
  readonly title: string;
  /** Inputs, `features` numbers for each example. */
  readonly x: Float64Array;
  readonly features: number;
  /** One target for each example. */
  readonly y: Float64Array;
  readonly cost: (prediction: Floats, target: Floats) => Floats;
  /** First weights, then the bias. */
  readonly start: readonly number[];
  /** The least cost that any parameters can have. */
  readonly least: number;
  /** Learning rates eta. */
  readonly rates: { readonly full: number; readonly noisy: number };
}

/** A place on the way down. */
interface Moment {
  readonly seen: number;
  readonly updates: number;
  readonly cost: number;
  readonly theta: readonly number[];
}

/** One way down. */
interface Descent {
  readonly name: string;
  readonly moments: readonly Moment[];
}

/** Straight line with noise: y = 1.5 x - 0.5 + noise. Its cost is the mean squared error. */
function linearProblem(count: number, rng: Rng): Problem {
  const x = Float64Array.from({ length: count }, () => rng.uniform(0, 2));
  const y = x.map((value) => 1.5 * value - 0.5 + 0.3 * rng.normal());
  const [w, b] = leastSquares(x, y);
  const least = mean(x.map((value, i) => (w * value + b - y[i]) ** 2));
  return {
    title: 'Linear regression',
    ...{ x, y, features: 1, cost: mse, start: [-0.5, 2.2], least, rates: { full: 0.2, noisy: 0.1 } },
  };
}

const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The slope and bias that gradient descent should find, by the formula: w = cov(x, y) / var(x), b = mean(y - w x). */
export function leastSquares(x: Float64Array, y: Float64Array): readonly [w: number, b: number] {
  const [mx, my] = [mean(x), mean(y)];
  const w = mean(x.map((value, i) => (value - mx) * (y[i] - my))) / mean(x.map((value) => (value - mx) ** 2));
  return [w, my - w * mx];
}

/** Direction across the line that separates the two classes; the line goes through the origin. */
const kAcross = [Math.cos(0.6), Math.sin(0.6)] as const;

/**
 * Two classes on the two sides of a line, at least 0.3 from it. Each point has its mirror image in the other class, so
 * no line is better than the mirror. The cost has no minimum: it falls to 0 as the weights grow for ever.
 */
function logisticProblem(count: number, rng: Rng): Problem {
  const points = Array.from({ length: count / 2 }, () => {
    const [across, along] = [rng.uniform(0.3, 2), 1.2 * rng.normal()];
    const at = (side: number) => [
      side * across * kAcross[0] - along * kAcross[1],
      side * across * kAcross[1] + along * kAcross[0],
    ];
    return [at(1), at(-1)];
  });
  return {
    title: 'Logistic regression',
    x: Float64Array.from(points.flat(2)),
    y: Float64Array.from({ length: count }, (_, i) => 1 - (i % 2)),
    ...{
      features: 2,
      cost: binaryCrossEntropyWithLogits,
      start: [-1.5, 1, -1],
      least: 0,
      rates: { full: 1, noisy: 1 },
    },
  };
}

/** Walks downhill for `epochs` passes over the examples, `batchSize` of them for each update. */
async function descend(problem: Problem, batchSize: number, epochs: number, seed: number): Promise<Moment[]> {
  const { x, y, features, cost, start, rates } = problem;
  const count = y.length;
  const w = new Parameter(
    tensor(
      start.slice(0, -1).map((value) => [value]),
      { dtype: 'float64' },
    ),
    { name: 'w' },
  );
  const b = new Parameter(tensor(start.slice(-1), { dtype: 'float64' }), { name: 'b' });
  const costOf = (input: Floats, target: Floats) => cost(add(matmul(input, w), b), target);

  // One step downhill: the whole lesson in three lines. eta is an argument, so that it can change from step to step.
  const update = compile((input: Floats, target: Floats, eta: Floats) => {
    const [dw, db] = grad(costOf(input, target), [w, b]) as Floats[];
    w.assign(sub(w, mul(eta, dw)));
    b.assign(sub(b, mul(eta, db)));
  });

  const [allX, allY] = [tensor(x).reshape([count, features]), tensor(y).reshape([count, 1])];
  const measure = compile(() => costOf(allX, allY));
  const moments: Moment[] = [];
  const record = async (seen: number, updates: number) => {
    const theta = [...(await w.data()), ...(await b.data())];
    moments.push({ seen, updates, theta, cost: await (await measure()).item() });
  };

  await record(0, 0);
  const examples = fromArrays({ x: { data: x, shape: [count, features] }, y: { data: y, shape: [count, 1] } });
  const batches = examples.shuffle({ seed }).batch(batchSize);
  let [seen, updates, next] = [0, 0, 1];
  for (let epoch = 0; epoch < epochs; epoch++) {
    // A noisy gradient never comes to rest at a constant rate: eta falls as 1 / t (Robbins and Monro, 1951).
    const eta = batchSize === count ? rates.full : rates.noisy / (1 + epoch / 10);
    for await (const batch of batches) {
      await update(batch.x, batch.y, tensor(eta, { dtype: 'float64' }));
      seen += batch.y.size;
      updates += 1;
      if (updates < next) continue;
      await record(seen, updates);
      next = Math.ceil(updates * 1.12);
    }
  }
  await record(seen, updates);
  return moments;
}

/** Share of the examples on the right side of the line w x + b = 0. */
function accuracy({ x, y, features }: Problem, theta: readonly number[]): number {
  const right = y.filter((label, i) => {
    const logit = theta.reduce((sum, weight, j) => sum + weight * (j < features ? x[i * features + j] : 1), 0);
    return logit > 0 === label > 0.5;
  });
  return right.length / y.length;
}

/** The angle in degrees between the learned weights and the direction across the known line. */
function degreesOff([w1, w2]: readonly number[]): number {
  return Math.abs(Math.atan2(w2 * kAcross[0] - w1 * kAcross[1], w1 * kAcross[0] + w2 * kAcross[1])) * (180 / Math.PI);
}

export async function main(options: ExampleOptions) {
  const { quick, seed } = options;
  const [count, epochs] = quick ? [100, 120] : [200, 200];
  const rng = new Rng(seed);
  const problems = [linearProblem(count, rng), logisticProblem(count, rng)] as const;
  const ways = [
    { name: 'full batch', size: count },
    { name: 'mini-batches of 10', size: 10 },
    { name: 'stochastic: one by one', size: 1 },
  ];

  const descents: Descent[][] = [];
  for (const problem of problems) {
    const found: Descent[] = [];
    for (const { name, size } of ways) found.push({ name, moments: await descend(problem, size, epochs, seed) });
    descents.push(found);
  }

  const [linear, logistic] = descents.map((found) => found.map(({ moments }) => moments[moments.length - 1]));
  const best = leastSquares(problems[0].x, problems[0].y);
  console.log(`Linear regression of ${count} examples. Least squares by the formula: ${show(best)}`);
  linear.forEach(({ theta, updates }, i) => {
    console.log(`  ${ways[i].name.padEnd(24)} ${show(theta)} after ${updates} updates`);
  });
  console.log(`Logistic regression of ${count} examples. The known line is across ${show(kAcross)}`);
  const results = logistic.map(({ theta, updates }, i) => {
    const result = { accuracy: accuracy(problems[1], theta), degreesOff: degreesOff(theta) };
    const says = `${(100 * result.accuracy).toFixed(1)} % right, ${result.degreesOff.toFixed(2)} degrees off`;
    console.log(`  ${ways[i].name.padEnd(24)} ${says} after ${updates} updates`);
    return result;
  });

  await savePicture(options, 'regression', {
    svg: await drawVega(picture(problems, descents)),
    see: 'counted in examples, single ones (green) get down first but stay restless; counted in updates, all at once (blue).',
  });
  return { best, linear: linear.map(({ theta }) => theta), logistic: results };
}

const show = (numbers: readonly number[]) => `(${numbers.map((value) => value.toFixed(4)).join(', ')})`;

// From here on: the picture.

const kWidth = 288;
const kHeight = 210;
const kSize = { width: { value: kWidth }, height: { value: kHeight } };

const kPowers = [1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

type Range = readonly [low: number, high: number];

function panel(title: string, axes: object[], scales: object[], marks: object[], data: object[] = []): object {
  return {
    type: 'group',
    title: { text: title, frame: 'group' },
    encode: { enter: kSize },
    signals: [
      { name: 'width', value: kWidth },
      { name: 'height', value: kHeight },
    ],
    ...{ data, axes, scales, marks },
  };
}

const scale = (name: 'x' | 'y', type: 'log' | 'linear', domain: Range | object) => ({
  ...{
    name,
    type,
    domain,
    range: name === 'x' ? [0, kWidth] : [kHeight, 0],
    nice: !Array.isArray(domain),
    zero: false,
  },
});

function axes(x: string, y: string, grid = true, values?: readonly number[]): object[] {
  const common = { tickCount: 5, grid, labelOverlap: true, format: '~g' };
  return [
    { ...common, scale: 'x', format: '~s', orient: 'bottom', title: x },
    { ...common, scale: 'y', orient: 'left', title: y, values },
  ];
}

/** One line per way down; rows are { name, x, y }. */
function lines(rows: object[], symbols = false): { data: object[]; marks: object[] } {
  const at = { x: { scale: 'x', field: 'x' }, y: { scale: 'y', field: 'y' } };
  const colour = { scale: 'colour', field: 'name' };
  const mark = (type: string, encode: object) => ({
    ...{ type, from: { data: 'way' }, encode: { enter: { ...at, ...encode } } },
  });
  const marks = [
    mark('line', { stroke: colour, strokeDash: { scale: 'dash', field: 'name' }, strokeWidth: { value: 2 } }),
  ];
  if (symbols) marks.push(mark('symbol', { fill: colour, size: { value: 14 } }));
  return {
    data: [{ name: 'rows', values: rows }],
    marks: [
      {
        ...{ type: 'group', clip: true, from: { facet: { name: 'way', data: 'rows', groupby: 'name' } } },
        ...{ encode: { enter: kSize }, marks },
      },
    ],
  };
}

/** How far the cost is above the least one, on logarithmic axes. */
function costPanel({ title, least }: Problem, descents: readonly Descent[], by: 'seen' | 'updates'): object {
  const rows = descents.flatMap(({ name, moments }) =>
    moments.slice(1).map((moment) => ({ name, x: moment[by], y: Math.max(moment.cost - least, 1e-12) })),
  );
  const { data, marks } = lines(rows);
  const lowest = least > 0 ? 1e-6 : 1e-3;
  const scales = [scale('x', 'log', { data: 'rows', field: 'x' }), scale('y', 'log', [lowest, 5])];
  const what = by === 'seen' ? 'examples seen' : 'updates';
  const label = least > 0 ? 'cost above the least' : 'cost';
  return panel(`${title}: by ${what}`, axes(what, label, true, kPowers), scales, marks, data);
}

/** The ways through the plane of w and b, over contour lines of the cost. */
function pathPanel({ x, y, least }: Problem, descents: readonly Descent[]): object {
  const [wide, high] = [[-1, 3] as Range, [-2, 2.6] as Range];
  const cell = 3;
  const grid = { width: kWidth / cell, height: kHeight / cell };
  const values = Array.from({ length: grid.width * grid.height }, (_, i) => {
    const w = wide[0] + ((wide[1] - wide[0]) * ((i % grid.width) + 0.5)) / grid.width;
    const b = high[1] - ((high[1] - high[0]) * (Math.floor(i / grid.width) + 0.5)) / grid.height;
    return mean(x.map((value, j) => (w * value + b - y[j]) ** 2));
  });
  const thresholds = [0.02, 0.1, 0.3, 0.7, 1.5, 3, 5.5, 9, 14].map((above) => least + above);
  const contours = {
    name: 'contours',
    values: [{ ...grid, values }],
    transform: [{ type: 'isocontour', thresholds, scale: cell, smooth: true }],
  };
  const contourMark = {
    ...{ type: 'path', clip: true, from: { data: 'contours' } },
    encode: { enter: { stroke: { value: '#b9c0ca' }, fill: { value: '#7f93ad' }, fillOpacity: { value: 0.06 } } },
    transform: [{ type: 'geopath', field: 'datum.contour' }],
  };
  const rows = descents.flatMap(({ name, moments }) => moments.map(({ theta: [w, b] }) => ({ name, x: w, y: b })));
  const { data, marks } = lines(rows, true);
  const scales = [scale('x', 'linear', wide), scale('y', 'linear', high)];
  const title = 'Ways over the contours of the cost';
  return panel(title, axes('weight w', 'bias b', false), scales, [contourMark, ...marks], [contours, ...data]);
}

/** The examples of both classes, the known line, and how far the three ways are when they have seen each example once. */
function separationPanel({ x, y, start }: Problem, descents: readonly Descent[]): object {
  const [wide, high] = [[-3.6, 3.6] as Range, [-2.8, 2.8] as Range];
  const points = Array.from(y, (label, i) => ({ x: x[2 * i], y: x[2 * i + 1], label }));
  const line = (name: string, [w1, w2, b]: readonly number[]) => {
    const length = Math.hypot(w1, w2);
    const [across, u1, u2] = [-b / length, w1 / length, w2 / length];
    return [-9, 9].map((along) => ({ name, x: across * u1 - along * u2, y: across * u2 + along * u1 }));
  };
  const found = descents.map(({ name, moments }) =>
    line(name, moments.findLast(({ seen }) => seen <= y.length)?.theta ?? start),
  );
  const { data, marks } = lines([...line('start', start), ...line('best line', [...kAcross, 0]), ...found.flat()]);
  const pointMark = {
    ...{ type: 'symbol', clip: true, from: { data: 'points' } },
    encode: {
      enter: {
        x: { scale: 'x', field: 'x' },
        y: { scale: 'y', field: 'y' },
        shape: { signal: "datum.label ? 'circle' : 'cross'" },
        size: { value: 26 },
        fill: { value: colours.grey },
        fillOpacity: { signal: 'datum.label ? 0.9 : 0.5' },
      },
    },
  };
  const scales = [scale('x', 'linear', wide), scale('y', 'linear', high)];
  const title = 'Lines after one pass';
  return panel(
    title,
    axes('x1', 'x2', false),
    scales,
    [pointMark, ...marks],
    [{ name: 'points', values: points }, ...data],
  );
}

function picture([linear, logistic]: readonly [Problem, Problem], descents: readonly (readonly Descent[])[]): object {
  const names = [...descents[0].map(({ name }) => name), 'start', 'best line'];
  const range = [colourRange[0], colourRange[1], colourRange[2], colours.grey, colours.ink];
  return {
    layout: { columns: 3, padding: { row: 84, column: 90 }, bounds: 'flush', align: 'each' },
    scales: [
      { name: 'colour', type: 'ordinal', domain: names, range },
      { name: 'dash', type: 'ordinal', domain: names, range: [[], [], [], [2, 3], [7, 4]] },
    ],
    legends: [
      {
        stroke: 'colour',
        symbolType: 'stroke',
        orient: 'bottom',
        direction: 'horizontal',
        columnPadding: 28,
        labelLimit: 0,
      },
    ],
    marks: [
      costPanel(linear, descents[0], 'seen'),
      costPanel(linear, descents[0], 'updates'),
      pathPanel(linear, descents[0]),
      costPanel(logistic, descents[1], 'seen'),
      costPanel(logistic, descents[1], 'updates'),
      separationPanel(logistic, descents[1]),
    ],
  };
}

await runExample(import.meta.url, main);
