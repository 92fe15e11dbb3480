/**
 * Time-series forecast: the Mackey-Glass equation (1977), a model of blood cells, and chaotic.
 *
 *     dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x(t)
 *
 * A GRU reads the series and says at each step what the change to the next will be. The long series is cut into windows;
 * the state is carried from one window to the next in a variable, and gradients end there (truncated back-propagation
 * through time). Then the network goes on alone: each forecast is the input of the next step.
 */
import { add, compile, type Tensor, tensor, Variable, zeros } from 'brawn';
import * as nn from 'brawn/nn';
import * as optim from 'brawn/optim';
import { colours, drawVega, type ExampleOptions, runExample, savePicture } from './support/picture.js';

type Floats = Tensor<'float32'>;

/** The series at whole times, less its mean and over its deviation; `start` picks one of the ways it may go. */
function mackeyGlass(length: number, start: number): Float32Array {
  const [perStep, delay, settled] = [10, 17, 300];
  const x = new Float64Array((settled + length) * perStep + 1).fill(start);
  for (let t = 0; t + 1 < x.length; t++) {
    const before = t < delay * perStep ? start : x[t - delay * perStep];
    x[t + 1] = x[t] + ((0.2 * before) / (1 + before ** 10) - 0.1 * x[t]) / perStep;
  }
  return Float32Array.from({ length }, (_, t) => (x[(settled + t) * perStep] - 0.93) / 0.22);
}

/** Says at each step what comes next: x [T, B, 1] and a state give forecasts [T, B, 1] and the next state. */
class Forecaster extends nn.Module<readonly [next: Floats, state: Floats], [x: Floats, state?: Floats]> {
  readonly gru: nn.GRU;
  readonly head: nn.Linear;

  constructor(hidden: number) {
    super();
    this.gru = nn.gru(1, hidden);
    this.head = nn.linear(hidden, 1);
  }

  override forward(x: Floats, state?: Floats): readonly [next: Floats, state: Floats] {
    const [output, after] = this.gru.forward(x, state);
    return [add(x, this.head.forward(output)), after];
  }
}

const kBatch = 8;

/** Walks through `kBatch` series at once, window by window; gives the mean loss of the last tenth. */
async function train(model: Forecaster, hidden: number, epochs: number, log: (line: string) => void): Promise<void> {
  const [length, window] = [1000, 50];
  const series = Array.from({ length: kBatch }, (_, i) => mackeyGlass(length + 1, 0.5 + 0.1 * i));
  const all = tensor(
    Float32Array.from({ length: (length + 1) * kBatch }, (_, i) => series[i % kBatch][Math.floor(i / kBatch)]),
    { shape: [length + 1, kBatch, 1] },
  );
  const optimizer = optim.adam(model.parameters(), { lr: 5e-3 });
  const schedule = optim.cosineAnnealingLR(optimizer, { tMax: epochs });
  const state = new Variable(zeros([1, kBatch, hidden]));
  const step = compile((x: Floats, y: Floats) => {
    const [next, after] = model.forward(x, state);
    const loss = nn.mse(next, y);
    optimizer.minimize(loss, { clipNorm: 1 });
    state.assign(after);
    return loss;
  });
  for (let epoch = 1; epoch <= epochs; epoch++) {
    state.assign(zeros([1, kBatch, hidden]));
    let sum = 0;
    for (let at = 0; at < length; at += window)
      sum += await (await step(all.narrow(0, at, window), all.narrow(0, at + 1, window))).item();
    schedule.step();
    if (epoch % (epochs / 5) === 0)
      log(`epoch ${String(epoch).padStart(3)}  error of one step ${Math.sqrt((sum * window) / length).toFixed(4)}`);
  }
}

/** What the model says comes after `known`, one value at a time, each from what it said before. */
async function goOn(model: Forecaster, known: Float32Array, count: number): Promise<Float32Array> {
  const read = compile((x: Floats) => model.forward(x));
  const next = compile((x: Floats, state: Floats) => model.forward(x, state));
  let [said, state] = await read(tensor(known, { shape: [known.length, 1, 1] }));
  said = said.narrow(0, known.length - 1, 1);
  const forecast = new Float32Array(count);
  for (let t = 0; t < count; t++) {
    forecast[t] = await said.item();
    [said, state] = await next(said, state);
  }
  return forecast;
}

const rootMeanSquare = (a: Float32Array, b: Float32Array) =>
  Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0) / a.length);

export async function main(options: ExampleOptions) {
  const [hidden, epochs, ahead] = options.quick ? [32, 30, 60] : [64, 100, 400];
  const model = new Forecaster(hidden);
  await train(model, hidden, epochs, console.log);

  // A way that the series never took in training.
  const known = 250;
  const series = mackeyGlass(known + ahead, 1.23);
  const [before, truth] = [series.slice(0, known), series.slice(known)];
  const forecast = await goOn(model, before, ahead);
  const errors = [
    rootMeanSquare(forecast.subarray(0, 20), truth.subarray(0, 20)),
    rootMeanSquare(forecast, truth),
  ] as const;
  const unchanged = rootMeanSquare(new Float32Array(ahead).fill(before[known - 1]), truth);
  console.log(`error over the next 20 steps ${errors[0].toFixed(3)}, over ${ahead} steps ${errors[1].toFixed(3)}`);
  console.log(`saying that nothing changes would err by ${unchanged.toFixed(3)}; the series deviates by 1`);

  await savePicture(options, 'forecast', {
    svg: await drawVega(picture(series, known, forecast)),
    see: 'the forecast (orange) lies on the truth (grey) at first; chaos pulls them apart in the end, whatever the model.',
  });
  return { errors, unchanged };
}

// From here on: the picture.

function picture(series: Float32Array, known: number, forecast: Float32Array): object {
  const shownFrom = known - 120;
  const row = (kind: string) => (value: number, t: number) => ({ kind, t, value });
  const kinds = { 'what was read': colours.ink, truth: colours.grey, forecast: colours.orange };
  const rows = [
    ...Array.from(series.slice(shownFrom, known), (value, i) => row('what was read')(value, shownFrom + i)),
    ...Array.from(series.slice(known - 1), (value, i) => row('truth')(value, known - 1 + i)),
    ...Array.from(forecast, (value, i) => row('forecast')(value, known + i)),
  ];
  return {
    width: 620,
    height: 240,
    title: 'Mackey-Glass series: what was read, and a forecast that feeds on itself',
    data: [{ name: 'rows', values: rows }],
    scales: [
      { name: 'x', type: 'linear', domain: [shownFrom, known + forecast.length], range: 'width', zero: false },
      { name: 'y', type: 'linear', domain: [-3, 2.5], range: 'height' },
      { name: 'colour', type: 'ordinal', domain: Object.keys(kinds), range: Object.values(kinds) },
    ],
    axes: [
      { scale: 'x', orient: 'bottom', title: 'time' },
      { scale: 'y', orient: 'left', grid: true, title: 'x, in deviations' },
    ],
    legends: [{ stroke: 'colour', symbolType: 'stroke', orient: 'bottom', direction: 'horizontal' }],
    marks: [
      {
        type: 'group',
        from: { facet: { name: 'line', data: 'rows', groupby: 'kind' } },
        marks: [
          {
            type: 'line',
            from: { data: 'line' },
            encode: {
              enter: {
                x: { scale: 'x', field: 't' },
                y: { scale: 'y', field: 'value' },
                stroke: { scale: 'colour', field: 'kind' },
                strokeWidth: { signal: "datum.kind === 'truth' ? 4 : 2" },
              },
            },
          },
        ],
      },
    ],
  };
}

await runExample(import.meta.url, main);
