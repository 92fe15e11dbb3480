/** Tokenisers made again from what was kept with a model. */
import { FileFormatError } from '../errors.js';
import { bpeTokenizer } from './bpe.js';
import { byteTokenizer, characterTokenizer, type Tokenizer, type TokenizerState, wordsOf } from './tokenizer.js';

/**
 * The tokeniser whose `state()` this is.
 * @param where Starts the message of an error.
 * @throws FileFormatError for anything else; ArgumentError when bpe needs a package that is not installed.
 */
export async function restoreTokenizer(state: TokenizerState, where = 'restoreTokenizer'): Promise<Tokenizer> {
  const { kind, tokens, unknown = false, json } = state ?? {};
  const isList = Array.isArray(tokens) && tokens.length > 0 && tokens.every((token) => typeof token === 'string');
  if (kind === 'byte') return byteTokenizer();
  if (kind === 'bpe') return bpeTokenizer(json);
  if (kind === 'character' && isList) return characterTokenizer(tokens);
  if (kind === 'word' && isList) return wordsOf(tokens, unknown);
  throw new FileFormatError(`${where}: ${JSON.stringify(kind)} with ${tokens?.length ?? 'no'} tokens is no tokeniser`);
}
