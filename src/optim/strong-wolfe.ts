/**
 * A line search for the strong Wolfe conditions: bracketing and zooming with cubic interpolation, as in minFunc
 * (Schmidt) and PyTorch; Nocedal and Wright, "Numerical Optimization", 2006, algorithms 3.5 and 3.6.
 */

/** The loss and its gradient at some point. */
export interface Evaluation {
  readonly loss: number;
  readonly gradient: Float64Array;
}

/** A point of the line: step, values there, slope along the line. */
interface Point extends Evaluation {
  readonly t: number;
  readonly slope: number;
}

const kDecrease = 1e-4;
const kCurvature = 0.9;
const kSearches = 25;

export function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}

export function largest(a: Float64Array): number {
  let most = 0;
  for (const value of a) most = Math.max(most, Math.abs(value));
  return most;
}

/** The minimum of the cubic through two points with their slopes, kept within the bounds. */
function cubicMinimum(a: Point, b: Point, low = Math.min(a.t, b.t), high = Math.max(a.t, b.t)): number {
  const d1 = a.slope + b.slope - (3 * (a.loss - b.loss)) / (a.t - b.t);
  const square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return (low + high) / 2;
  const d2 = Math.sqrt(square);
  const [p, q] = a.t <= b.t ? [a, b] : [b, a];
  const at = q.t - (q.t - p.t) * ((q.slope + d2 - d1) / (q.slope - p.slope + 2 * d2));
  return Math.min(Math.max(at, low), high);
}

/** What a search found, and how many evaluations it took. */
export interface Found extends Evaluation {
  readonly t: number;
  readonly evaluations: number;
}

/**
 * Searches from `start` along `direction`, first at step `t`.
 * @param at Evaluates the loss at a step.
 */
export async function strongWolfe(
  at: (t: number) => Promise<Evaluation>,
  start: Evaluation,
  direction: Float64Array,
  t: number,
  toleranceChange: number,
): Promise<Found> {
  let evaluations = 0;
  const evaluate = async (step: number): Promise<Point> => {
    evaluations++;
    const found = await at(step);
    return { ...found, t: step, slope: dot(found.gradient, direction) };
  };
  const origin: Point = { ...start, t: 0, slope: dot(start.gradient, direction) };
  const tooHigh = (point: Point) => point.loss > origin.loss + kDecrease * point.t * origin.slope;
  const isFlat = (point: Point) => Math.abs(point.slope) <= -kCurvature * origin.slope;

  let previous = origin;
  let point = await evaluate(t);
  let bracket: [Point, Point] | undefined;
  let searches = 0;
  for (; searches < kSearches; searches++) {
    if (tooHigh(point) || (searches > 1 && point.loss >= previous.loss)) bracket = [previous, point];
    else if (isFlat(point)) return { ...point, evaluations };
    else if (point.slope >= 0) bracket = [previous, point];
    if (bracket) break;
    const next = cubicMinimum(previous, point, point.t + 0.01 * (point.t - previous.t), point.t * 10);
    previous = point;
    point = await evaluate(next);
  }
  bracket ??= [origin, point];
  const best = await zoom(bracket, searches, { evaluate, tooHigh, isFlat }, toleranceChange / largest(direction));
  return { ...best, evaluations };
}

interface Line {
  evaluate(t: number): Promise<Point>;
  tooHigh(point: Point): boolean;
  isFlat(point: Point): boolean;
}

/** Narrows a bracket; gives the better end. */
async function zoom([a, b]: readonly [Point, Point], searches: number, line: Line, smallest: number): Promise<Point> {
  let [low, high] = a.loss <= b.loss ? [a, b] : [b, a];
  let isStuck = false;
  for (let i = searches; i < kSearches && Math.abs(high.t - low.t) >= smallest; i++) {
    const [left, right] = [Math.min(low.t, high.t), Math.max(low.t, high.t)];
    let t = cubicMinimum(low, high);
    const margin = 0.1 * (right - left);
    if (Math.min(right - t, t - left) < margin) {
      // Twice near an end, or on it: a tenth of the way inside.
      const moves: boolean = isStuck || t >= right || t <= left;
      if (moves) t = Math.abs(t - right) < Math.abs(t - left) ? right - margin : left + margin;
      isStuck = !moves;
    } else isStuck = false;
    const point = await line.evaluate(t);
    if (line.tooHigh(point) || point.loss >= low.loss) {
      high = point;
      if (high.loss < low.loss) [low, high] = [high, low];
    } else {
      if (line.isFlat(point)) return point;
      if (point.slope * (high.t - low.t) >= 0) high = low;
      low = point;
    }
  }
  return low;
}
