/** A byte-level `tokenizer.json` as the field's tools write it, with three merges: " the" is one token. */

/** How byte-level BPE spells each byte: as itself where that can be printed, else from U+0100 on. */
function spellings(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPlain = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    return String.fromCodePoint(isPlain ? byte : next++);
  });
}

const merges = ['t h', 'th e', 'Ġ the'];
const tokens = [...spellings(), ...merges.map((merge) => merge.replace(' ', ''))];
const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };

export const tokenizerJson = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: byteLevel,
  post_processor: null,
  decoder: byteLevel,
  model: { type: 'BPE', vocab: Object.fromEntries(tokens.map((token, i) => [token, i])), merges },
};
