/** brawn/text: tokenisers and texts to learn from. */
export { bpeTokenizer, readBpeTokenizer } from './bpe.js';
export { type Corpus, packageCorpus, readCorpus } from './corpus.js';
export { restoreTokenizer } from './restore.js';
export {
  byteTokenizer,
  characterTokenizer,
  type Tokenizer,
  type TokenizerKind,
  type TokenizerState,
  type TokenStream,
  type WordOptions,
  wordTokenizer,
} from './tokenizer.js';
