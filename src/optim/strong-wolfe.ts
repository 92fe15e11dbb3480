/**
 * A line search for the strong Wolfe conditions: bracketing and zooming with cubic interpolation, as in minFunc
 * (Schmidt) and PyTorch; Nocedal and Wright, "Numerical Optimization", 2006, algorithms 3.5 and 3.6.
 */

/** What is known of the loss at some point of a line. */
export interface Evaluation<G> {
  readonly loss: number;
  /** Derivative of the loss along the line. */
  readonly slope: number;
  /** Whatever the caller keeps with it. */
  readonly gradient: G;
}

/** A point of the line and its step. */
interface Point<G> extends Evaluation<G> {
  readonly t: number;
}

const kDecrease = 1e-4;
const kCurvature = 0.9;
const kSearches = 25;

/** The minimum of the cubic through two points with their slopes, kept within the bounds. */
function cubicMinimum(
  a: Point<unknown>,
  b: Point<unknown>,
  low = Math.min(a.t, b.t),
  high = Math.max(a.t, b.t),
): number {
  const d1 = a.slope + b.slope - (3 * (a.loss - b.loss)) / (a.t - b.t);
  const square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return (low + high) / 2;
  const d2 = Math.sqrt(square);
  const [p, q] = a.t <= b.t ? [a, b] : [b, a];
  const at = q.t - (q.t - p.t) * ((q.slope + d2 - d1) / (q.slope - p.slope + 2 * d2));
  return Math.min(Math.max(at, low), high);
}

/** What a search found, and how many evaluations it took. */
export interface Found<G> extends Evaluation<G> {
  readonly t: number;
  readonly evaluations: number;
}

/**
 * Searches a line from `start`, first at step `t`.
 * @param at Evaluates the loss at a step.
 * @param smallest Brackets are not made narrower than this.
 */
export async function strongWolfe<G>(
  at: (t: number) => Promise<Evaluation<G>>,
  start: Evaluation<G>,
  t: number,
  smallest: number,
): Promise<Found<G>> {
  let evaluations = 0;
  const evaluate = async (step: number): Promise<Point<G>> => {
    evaluations++;
    return { ...(await at(step)), t: step };
  };
  const origin: Point<G> = { ...start, t: 0 };
  const tooHigh = (point: Point<G>) => point.loss > origin.loss + kDecrease * point.t * origin.slope;
  const isFlat = (point: Point<G>) => Math.abs(point.slope) <= -kCurvature * origin.slope;

  let previous = origin;
  let point = await evaluate(t);
  let bracket: [Point<G>, Point<G>] | undefined;
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
  const best = await zoom(bracket, searches, { evaluate, tooHigh, isFlat }, smallest);
  return { ...best, evaluations };
}

interface Line<G> {
  evaluate(t: number): Promise<Point<G>>;
  tooHigh(point: Point<G>): boolean;
  isFlat(point: Point<G>): boolean;
}

/** Narrows a bracket; gives the better end. */
async function zoom<G>(
  [a, b]: readonly [Point<G>, Point<G>],
  searches: number,
  line: Line<G>,
  smallest: number,
): Promise<Point<G>> {
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
