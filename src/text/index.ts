/** brawn/text: tokenisers, texts to learn from, and networks that write. */
export { bpeTokenizer, readBpeTokenizer } from './bpe.js';
export { type Corpus, packageCorpus, readCorpus } from './corpus.js';
export { type GenerateOptions, generate, type LanguageModel } from './generate.js';
export { restoreTokenizer } from './restore.js';
export type { SamplingOptions } from './sampling.js';
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
