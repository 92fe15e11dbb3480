/** What to say when a step has met NaN or infinity: where they came from, as far as that can be found out. */
import type { Sample } from '../data/index.js';
import { AnomalyError } from '../errors.js';
import type { LBFGS, Optimizer } from '../optim/index.js';
import { isAnomalyMode, setAnomalyMode } from '../runtime/anomaly.js';
import type { Tensor } from '../tensor.js';
import { gradientsAgain, type Objective } from './step.js';

async function isSpoiled(tensor: Tensor): Promise<boolean> {
  return (await tensor.data()).some((value) => typeof value === 'number' && !Number.isFinite(value));
}

async function spoiled(tensors: Readonly<Record<string, Tensor>>): Promise<string[]> {
  const names: string[] = [];
  for (const [name, tensor] of Object.entries(tensors)) if (await isSpoiled(tensor)) names.push(name);
  return names;
}

/** Some names, and how many more there are. */
const some = (names: readonly string[]): string =>
  names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');

/**
 * Why the step of `batch` failed with `error`: the data, the weights, or the first op that makes NaN or infinity, found
 * by computing loss and gradients again in anomaly mode. Random numbers are to be set back to those of the step before.
 */
export async function whyNotFinite<B extends Sample, Output>(
  objective: Objective<B, Output>,
  optimizer: Optimizer | LBFGS,
  batch: B,
  error: AnomalyError,
): Promise<string> {
  const columns = await spoiled(batch);
  if (columns.length > 0) return `The batch itself has NaN or infinity in ${columns.join(', ')}: check the data.`;
  const help = `lower the learning rate (now ${optimizer.lr}) or clip gradients (clipNorm)`;
  const weights = await spoiled(objective.model.stateDict());
  if (weights.length > 0)
    return (
      `${some(weights)} held NaN or infinity already, made by an earlier update: ${help}. ` +
      'Resumed from a checkpoint before that with BRAWN_ANOMALY=1, the first op that goes wrong is named.'
    );
  const first = isAnomalyMode() ? error : await anomalyOf(objective, optimizer, batch);
  return first
    ? `Batch and weights are finite; the first op that is not: ${first.message.trim()}\nIf it is the loss itself, ${help}.`
    : `Batch and weights are finite, and computed again op by op so is the loss: it is at the edge of its dtype; ${help}.`;
}

async function anomalyOf<B extends Sample, Output>(
  objective: Objective<B, Output>,
  optimizer: Optimizer | LBFGS,
  batch: B,
): Promise<AnomalyError | undefined> {
  setAnomalyMode(true);
  try {
    await gradientsAgain(objective, optimizer.parameters)(batch);
    return undefined;
  } catch (error) {
    if (error instanceof AnomalyError) return error;
    throw error;
  } finally {
    setAnomalyMode(false);
  }
}
