/** `brawn sample MODEL`: lets a saved network write, character by character as they come. */

import { loadCharRnn } from '../models/index.js';
import { Generator } from '../random.js';
import { generate } from '../text/index.js';

export interface SampleOptions {
  readonly prime?: string;
  readonly temperature: number;
  readonly length: number;
  readonly seed?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly json?: boolean;
  readonly signal?: AbortSignal;
}

/** Where text goes. */
export interface TextOutput {
  write(text: string): unknown;
}

/** Writes the prime and what follows it, or with `json` one object when it is done. */
export async function sampleModel(file: string, options: SampleOptions, out: TextOutput): Promise<void> {
  const model = await loadCharRnn(file, 'sample');
  const { json, seed = new Generator().seed, prime = '', ...others } = options;
  const pieces = generate(model, { ...others, seed, ...(prime !== '' && { prime }) });
  if (!json) out.write(prime);
  const started = performance.now();
  let text = '';
  for await (const piece of pieces) {
    text += piece;
    if (!json) out.write(piece);
  }
  const { temperature, topK, topP } = options;
  const seconds = (performance.now() - started) / 1e3;
  if (!json) out.write('\n');
  else out.write(`${JSON.stringify({ model: file, prime, text, seed, temperature, topK, topP, seconds })}\n`);
}
