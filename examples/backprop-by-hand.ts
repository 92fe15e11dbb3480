/**
 * Lecture 2: back-propagation by hand.
 *
 * The classic network of two inputs, layers of three and two sigmoid neurons, and one output. A neuron adds up its
 * weighted inputs, e = sum of w y over the neurons before it, and passes on y = f(e) = 1 / (1 + exp(-e)).
 *
 *     forward     e = sum of w * y            y = f(e)
 *     output      delta = z - y                             z is what the output should be
 *     backward    delta = sum of w * delta * df/de          over the neurons after it
 *     update      w' = w + eta * delta * df/de * y          y is what came in through this weight
 *
 * delta says how much, and which way, a neuron's output should change: it is -dL/dy for the cost L = (z - y)^2 / 2. So
 * the update is gradient descent, and autograd must find the same numbers. Below they are computed twice.
 */
import { grad, matmul, mul, Parameter, sigmoid, square, sub, type Tensor, tensor } from 'brawn';
import { colours, type ExampleOptions, runExample, savePicture } from './support/picture.js';
import { element, label, svgDocument } from './support/svg.js';

/** Weights of one layer: a row for each of its neurons, a number for each input. */
type Weights = readonly (readonly number[])[];

/** What one update takes: an example, its weights, and the rate. */
export interface Lesson {
  readonly layers: readonly Weights[];
  readonly inputs: readonly number[];
  /** What the output should be. */
  readonly z: number;
  readonly eta: number;
}

/** What one update gives: values of the neurons by layer, and new weights. */
export interface Pass {
  readonly y: readonly (readonly number[])[];
  readonly delta: readonly (readonly number[])[];
  readonly updated: readonly Weights[];
}

const f = (e: number) => 1 / (1 + Math.exp(-e));
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Forward, backward and update in plain numbers. */
export function byHand({ layers, inputs, z, eta }: Lesson): Pass {
  // Forward: what comes into a layer is what the layer before it put out.
  const y: number[][] = [];
  for (const [l, weights] of layers.entries()) {
    const incoming = l === 0 ? inputs : y[l - 1];
    y.push(weights.map((row) => f(sum(row.map((w, i) => w * incoming[i])))));
  }

  // The slope of the sigmoid, df/de, can be had from its value: f (1 - f).
  const slope = y.map((values) => values.map((value) => value * (1 - value)));

  // Backward: the output's delta is known; the others follow, layer by layer.
  const last = layers.length - 1;
  const delta: number[][] = [];
  delta[last] = [z - y[last][0]];
  for (let l = last - 1; l >= 0; l--)
    delta[l] = y[l].map((_, i) => sum(layers[l + 1].map((row, j) => row[i] * delta[l + 1][j] * slope[l + 1][j])));

  // Update: each weight by what came in through it and what went wrong behind it.
  const updated = layers.map((weights, l) => {
    const incoming = l === 0 ? inputs : y[l - 1];
    return weights.map((row, j) => row.map((w, i) => w + eta * delta[l][j] * slope[l][j] * incoming[i]));
  });
  return { y, delta, updated };
}

type Floats = Tensor<'float64'>;

/** The same by autograd: only the forward pass and the cost are written down. */
export async function byAutograd({ layers, inputs, z, eta }: Lesson): Promise<Pass> {
  const weights = layers.map((rows) => new Parameter(tensor(rows, { dtype: 'float64' })));
  const y: Floats[] = [];
  for (const [l, w] of weights.entries()) {
    const incoming = l === 0 ? tensor([...inputs], { dtype: 'float64' }) : y[l - 1];
    y.push(sigmoid(matmul(w, incoming)));
  }
  const cost = mul(square(sub(z, y[y.length - 1])), 0.5).sum() as Floats;
  const gradients = grad(cost, [...weights, ...y]) as Floats[];
  const [dw, dy] = [gradients.slice(0, weights.length), gradients.slice(weights.length)];
  const updated = weights.map((w, l) => sub(w, mul(dw[l], eta)));

  const read = async (tensors: readonly Floats[]) => Promise.all(tensors.map(async (each) => [...(await each.data())]));
  const delta = (await read(dy)).map((values) => values.map((value) => -value));
  const rows = await Promise.all(updated.map(async (w) => (await w.toArray()) as number[][]));
  return { y: await read(y), delta, updated: rows };
}

/** The largest difference between numbers of the two. */
export function largestDifference(a: Pass, b: Pass): number {
  const numbers = ({ y, delta, updated }: Pass) => [y, delta, updated].flat(3) as number[];
  const other = numbers(b);
  return Math.max(...numbers(a).map((value, i) => Math.abs(value - other[i])));
}

/** Throws unless both passes agree to 1e-12, about the rounding of 64-bit numbers. */
export function checkEqual(hand: Pass, autograd: Pass): number {
  const difference = largestDifference(hand, autograd);
  if (!(difference <= 1e-12)) throw new Error(`by hand and autograd differ by ${difference}`);
  return difference;
}

export const lesson: Lesson = {
  layers: [
    [
      [0.4, -0.7],
      [0.9, 0.3],
      [-0.5, 0.8],
    ],
    [
      [0.6, -0.4, 1.1],
      [-0.9, 0.7, 0.2],
    ],
    [[1.3, -0.8]],
  ],
  inputs: [0.8, 0.3],
  z: 0.9,
  eta: 1,
};

/** Names as in the picture: neurons count on through the layers, w(x1)1 leads from input x1 to neuron 1. */
const kNeurons = [['1', '2', '3'], ['4', '5'], ['6']];
const kInputs = ['x1', 'x2'];

function weightName(layer: number, from: number, to: number): string {
  return layer === 0 ? `w(${kInputs[from]})${to + 1}` : `w${kNeurons[layer - 1][from]}${kNeurons[layer][to]}`;
}

const show = (value: number) => value.toFixed(6).padStart(9);

function printPass({ layers, inputs, z, eta }: Lesson, { y, delta, updated }: Pass): void {
  const incoming = (l: number) => (l === 0 ? inputs : y[l - 1]);
  const incomingName = (l: number, i: number) => (l === 0 ? kInputs[i] : `y${kNeurons[l - 1][i]}`);
  console.log(`Inputs x1 = ${inputs[0]}, x2 = ${inputs[1]}; the output should be z = ${z}; eta = ${eta}\n`);

  console.log('Forward: e = sum of w * y, y = f(e)');
  for (const [l, weights] of layers.entries())
    for (const [j, row] of weights.entries()) {
      const e = sum(row.map((w, i) => w * incoming(l)[i]));
      const terms = row.map((_, i) => `${weightName(l, i, j)} ${incomingName(l, i)}`).join(' + ');
      console.log(`  y${kNeurons[l][j]} = f(${terms}) = f(${show(e)}) = ${show(y[l][j])}`);
    }

  console.log('\nBackward: delta = z - y at the output, then sum of w * delta * df/de');
  console.log(`  delta6 = z - y6 = ${show(delta[layers.length - 1][0])}`);
  for (let l = layers.length - 2; l >= 0; l--)
    for (const [i, value] of delta[l].entries()) {
      const next = kNeurons[l + 1];
      const terms = next.map((name, j) => `${weightName(l + 1, i, j)} delta${name} df${name}/de`).join(' + ');
      console.log(`  delta${kNeurons[l][i]} = ${terms} = ${show(value)}`);
    }

  console.log("\nUpdate: w' = w + eta * delta * df/de * y");
  for (const [l, weights] of layers.entries())
    for (const [j, row] of weights.entries())
      for (const [i, w] of row.entries()) {
        const name = weightName(l, i, j);
        const slope = y[l][j] * (1 - y[l][j]);
        const factors = [delta[l][j], slope, incoming(l)[i]].map(show).join(' *');
        console.log(`  ${`${name}'`.padEnd(7)} = ${show(w)} + ${eta} *${factors} = ${show(updated[l][j][i])}`);
      }
}

export async function main(options: ExampleOptions) {
  const first = byHand(lesson);
  printPass(lesson, first);

  // Again and again, each time from the weights before, by hand and by autograd.
  const steps = options.quick ? 5 : 50;
  const [outputs, differences]: number[][] = [[], []];
  let current = lesson;
  for (let step = 0; step < steps; step++) {
    const hand = byHand(current);
    differences.push(checkEqual(hand, await byAutograd(current)));
    outputs.push(hand.y[2][0]);
    current = { ...current, layers: hand.updated };
  }
  const difference = Math.max(...differences);
  console.log(`\nAutograd finds the same values, deltas and weights: over ${steps} updates the largest difference`);
  console.log(`is ${difference.toExponential(1)} (1e-12 is allowed). The output went from ${show(outputs[0]).trim()}`);
  console.log(`to ${show(outputs[steps - 1]).trim()}; it should be ${lesson.z}.`);

  await savePicture(options, 'backprop-by-hand', {
    svg: picture(lesson, first),
    see: 'deltas grow smaller from right to left, and so do the changes of the weights: the first layer learns least.',
  });
  return { first, outputs, difference };
}

// From here on: the picture.

const kSize = { width: 1180, height: 640 };
const kColumns = [110, 420, 740, 1040];
const kTop = 120;
const kBottom = 500;
const kRadius = 42;

/** Where the neurons of a layer stand; layer 0 are the inputs. */
function places(layer: number): [x: number, y: number][] {
  const count = [2, 3, 2, 1][layer];
  return Array.from({ length: count }, (_, i) => [
    kColumns[layer],
    kTop + ((kBottom - kTop) * (i + (count === 3 ? 0 : 0.5))) / (count === 3 ? 2 : count),
  ]);
}

interface Edge {
  readonly from: readonly [x: number, y: number];
  readonly to: readonly [x: number, y: number];
  /** Where the box stands: 0 at the start, 1 at the end. */
  readonly at: number;
  readonly name: string;
  readonly before: number;
  readonly after: number;
}

const signed = (value: number, digits: number) => value.toFixed(digits).replace('-', '−');
const colourOf = (weight: number) => (weight > 0 ? colours.blue : colours.red);

function edgeLine({ from: [x1, y1], to: [x2, y2], before }: Edge): string {
  const stroke = { stroke: colourOf(before), 'stroke-width': 1 + 2.5 * Math.abs(before), 'stroke-opacity': 0.45 };
  return element('line', { x1, y1, x2, y2, ...stroke });
}

function edgeBox({ from, to, at, name, before, after }: Edge): string {
  const [x, y] = [from[0] + at * (to[0] - from[0]), from[1] + at * (to[1] - from[1])];
  const box = { x: x - 50, y: y - 17, width: 100, height: 34, rx: 6, fill: colours.paper, stroke: colours.line };
  return [
    element('rect', box),
    label(x, y - 4, `${name} = ${signed(before, 1)}`, { 'font-size': 10.5, fill: colourOf(before) }),
    label(x, y + 11, `→ ${signed(after, 4)}`, { 'font-size': 10.5, 'font-weight': 'bold' }),
  ].join('');
}

function neuron([x, y]: readonly number[], name: string, value: number, delta?: number): string {
  const isInput = delta === undefined;
  const circle = {
    cx: x,
    cy: y,
    r: kRadius,
    fill: isInput ? '#eef1f5' : '#fff7e8',
    stroke: colours.ink,
    'stroke-width': 1.5,
  };
  const lines = [
    element('circle', circle),
    label(x, y - 6, name, { 'font-size': 14, 'font-weight': 'bold' }),
    label(x, y + 15, value.toFixed(isInput ? 1 : 4), { 'font-size': 13 }),
  ];
  if (!isInput)
    lines.push(
      label(x, y + kRadius + 18, `δ = ${signed(delta, 4)}`, {
        'font-size': 12.5,
        'font-weight': 'bold',
        fill: colours.orange,
      }),
    );
  return lines.join('');
}

function picture({ layers, inputs, z, eta }: Lesson, { y, delta, updated }: Pass): string {
  const edges = layers.flatMap((weights, l) =>
    weights.flatMap((row, j) =>
      row.map((w, i): Edge => {
        // Labels sit at different parts of the lines, so that they do not cover each other where lines cross.
        const at = l === 0 ? [0.36, 0.7][i] : l === 1 ? [0.3, 0.5, 0.7][i] : 0.5;
        const [from, to, name] = [places(l)[i], places(l + 1)[j], weightName(l, i, j)];
        return { from, to, at, name, before: w, after: updated[l][j][i] };
      }),
    ),
  );
  const neurons = [
    ...inputs.map((value, i) => neuron(places(0)[i], kInputs[i], value)),
    ...y.flatMap((values, l) =>
      values.map((value, j) => neuron(places(l + 1)[j], `y${kNeurons[l][j]}`, value, delta[l][j])),
    ),
  ];
  const [outX, outY] = places(3)[0];
  const heading = { 'text-anchor': 'start', 'font-size': 17, 'font-weight': 'bold' };
  const formula = { 'text-anchor': 'start', 'font-size': 13 };
  return svgDocument(
    kSize.width,
    kSize.height,
    label(40, 40, 'One step of back-propagation, all numbers by hand', heading),
    label(40, 62, 'Circles: what a neuron puts out. Boxes: a weight before and after the step.', {
      ...formula,
      fill: '#5b616b',
    }),
    ...edges.map(edgeLine),
    ...edges.map(edgeBox),
    ...neurons,
    label(outX, outY - kRadius - 16, `should be z = ${z}`, { 'font-size': 12.5 }),
    label(40, 585, 'forward   y = f(Σ w y)', { ...formula, fill: colours.ink }),
    label(330, 585, 'backward   δ = Σ w δ df/de     (δ = z − y at the output)', { ...formula, fill: colours.orange }),
    label(760, 585, `update   w′ = w + η δ df/de y     (η = ${eta})`, { ...formula, 'font-weight': 'bold' }),
    label(40, 612, 'Blue lines: positive weights. Red lines: negative weights. Wide lines: large weights.', {
      ...formula,
      'font-size': 11.5,
      fill: '#5b616b',
    }),
  );
}

await runExample(import.meta.url, main);
