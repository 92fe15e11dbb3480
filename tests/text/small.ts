/** A small network that writes, the same for the same seed. */
import { type CharRnn, type CharRnnOptions, charRnn } from '../../src/models/index.js';
import { manualSeed } from '../../src/random.js';
import { characterTokenizer, type GenerateOptions, generate, type Tokenizer } from '../../src/text/index.js';

export const letters = characterTokenizer('\n abcdefghijklmnopqrstuvwxyz');

export function smallNetwork(options: CharRnnOptions = {}, tokenizer: Tokenizer = letters): CharRnn {
  manualSeed(7);
  return charRnn(tokenizer, { hiddenSize: 16, ...options });
}

/** All that a network writes. */
export async function writtenBy(network: CharRnn, options: GenerateOptions = {}): Promise<string> {
  let text = '';
  for await (const piece of generate(network, { length: 50, seed: 1, ...options })) text += piece;
  return text;
}
