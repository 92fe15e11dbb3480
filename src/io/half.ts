/** 16-bit floats of files, widened to float32. Every value of both formats is exact in float32. */

/** IEEE 754 binary16. */
function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

let halves: Float32Array | undefined;

/** Little-endian 16-bit floats as float32. */
export function widen(bytes: Uint8Array, kind: 'F16' | 'BF16'): Float32Array<ArrayBuffer> {
  const out = new Float32Array(bytes.length / 2);
  if (kind === 'BF16') {
    const words = new Uint32Array(out.buffer);
    for (let i = 0; i < words.length; i++) words[i] = (bytes[2 * i] | (bytes[2 * i + 1] << 8)) << 16;
    return out;
  }
  halves ??= Float32Array.from({ length: 65536 }, (_, half) => halfToFloat(half));
  for (let i = 0; i < out.length; i++) out[i] = halves[bytes[2 * i] | (bytes[2 * i + 1] << 8)];
  return out;
}
