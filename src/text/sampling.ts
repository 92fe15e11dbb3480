/** Which token comes next: drawn from scores, with temperature, top-k and nucleus. `generate.ts` calls it for each token. */
import { ArgumentError } from '../errors.js';
import {
  add,
  argMax,
  cast,
  cumSum,
  div,
  greaterEqual,
  less,
  log,
  min,
  neg,
  softmax,
  sort,
  sub,
  topK,
  where,
} from '../ops/index.js';
import { uniformAt } from '../ops/random.js';
import type { Tensor } from '../tensor.js';

type F = Tensor<'float32'>;

/** How a token is drawn. */
export interface SamplingOptions {
  /** Scores are divided by it: below 1 the likely becomes likelier, 0 always takes the likeliest; 1 unless told. */
  readonly temperature?: number;
  /** Only from so many of the likeliest (those that are as likely as the last of them included); from all unless told. */
  readonly topK?: number;
  /** Only from the fewest that together have at least this probability (Holtzman et al. 2020); from all unless told. */
  readonly topP?: number;
}

/** @throws ArgumentError for a temperature, topK or topP out of range. */
export function checkSampling({ temperature = 1, topK: k, topP }: SamplingOptions, where: string): void {
  if (!(temperature >= 0 && Number.isFinite(temperature)))
    throw new ArgumentError(`${where}: temperature must be a number of at least 0, got ${temperature}`);
  if (k !== undefined && (!Number.isSafeInteger(k) || k < 1))
    throw new ArgumentError(`${where}: topK must be a whole number of at least 1, got ${k}`);
  if (topP !== undefined && !(topP > 0 && topP <= 1))
    throw new ArgumentError(`${where}: topP must be above 0 and at most 1, got ${topP}`);
}

/** What shapes the program: the rest are its inputs. */
export interface SamplingShape {
  readonly greedy: boolean;
  readonly topK: number | undefined;
  readonly isNucleus: boolean;
}

/** Inputs of the program. */
export interface SamplingInputs {
  readonly temperature: F;
  readonly topP: F;
}

/** Those that belong to the fewest that together reach `topP`, for scores [1, size]. */
function inNucleus(scores: F, topP: F): Tensor<'bool'> {
  const probabilities = softmax(scores);
  const { values } = sort(probabilities, -1, { descending: true });
  const before = sub(cumSum(values, -1), values);
  const least = min(where(less(before, topP), values, 1), -1, { keepDims: true });
  return greaterEqual(probabilities, least);
}

/**
 * The number of the next token, int32 [1], for scores [1, size]: the largest of score / temperature + Gumbel noise, which
 * is a draw from their softmax (Maddison et al., "A* Sampling", 2014). The noise depends on `key` alone: seed and position.
 */
export function sampleToken(
  logits: F,
  key: Tensor<'int64'>,
  { greedy, topK: k, isNucleus }: SamplingShape,
  { temperature, topP }: SamplingInputs,
): Tensor<'int32'> {
  if (greedy) return cast(argMax(logits, -1), 'int32');
  let scores = div(logits, temperature) as F;
  if (k !== undefined && k < logits.shape[1]) {
    const { values } = topK(scores, k, { axis: -1 });
    const least = min(values, -1, { keepDims: true });
    scores = where(greaterEqual(scores, least), scores, Number.NEGATIVE_INFINITY) as F;
  }
  if (isNucleus) scores = where(inNucleus(scores, topP), scores, Number.NEGATIVE_INFINITY) as F;
  const noise = neg(log(neg(log(uniformAt(key, logits.shape)))));
  return cast(argMax(add(scores, noise), -1), 'int32');
}
