/** Attention layers: multi-head as in transformers, and additive as in the first networks that translated with it. */
import type { DType } from '../dtype.js';
import { ArgumentError, ShapeError } from '../errors.js';
import { checkDTypeOf, checkTensor } from '../ops/apply.js';
import { attend, maskedSoftmax } from '../ops/attention.js';
import * as ops from '../ops/index.js';
import { type Shape, sameShape, showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { Parameter } from '../variable.js';
import { checkSize, factory } from './check.js';
import { xavierUniform, zeros } from './init.js';
import { Linear } from './linear.js';
import { Module } from './module.js';

type T = Tensor<'float32'>;
type Bool = Tensor<'bool'>;

/** Options of `multiheadAttention`. */
export interface MultiheadAttentionOptions {
  /** Probability with which weights are dropped while training; 0 unless told. */
  readonly dropout?: number;
  /** Whether the projections have biases; true unless told. */
  readonly bias?: boolean;
  /** Features of keys; those of queries unless told. */
  readonly kdim?: number;
  /** Features of values; those of queries unless told. */
  readonly vdim?: number;
  /** [B, L, E] instead of [L, B, E]; false unless told. */
  readonly batchFirst?: boolean;
}

/** What a call of `multiheadAttention` may be told. */
export interface MultiheadAttentionMasks {
  /** [B, S]: true where a key is padding, which no query attends to. */
  readonly keyPaddingMask?: Bool;
  /** [L, S] or [B * heads, L, S]. bool: true where a query may not attend to a key. Float: added to the scores. */
  readonly attnMask?: Tensor<'bool' | 'float32'>;
  /** Query number i attends to the keys 0 to i only. */
  readonly isCausal?: boolean;
  /** Weights are averaged over heads; true unless told. */
  readonly averageAttnWeights?: boolean;
}

/** Output and attention weights. */
export type Attention = readonly [output: T, weights: T];

/**
 * Attention in several subspaces at once (Vaswani et al., "Attention Is All You Need", 2017; as
 * `torch.nn.MultiheadAttention`). State: in_proj_weight [3 E, E] (q_proj_weight, k_proj_weight and v_proj_weight when
 * kdim or vdim is another), in_proj_bias [3 E], out_proj.weight [E, E], out_proj.bias [E].
 */
export class MultiheadAttention extends Module<
  Attention,
  [query: Tensor, key?: Tensor, value?: Tensor, masks?: MultiheadAttentionMasks]
> {
  readonly inProjWeight: Parameter<'float32'> | undefined;
  readonly qProjWeight: Parameter<'float32'> | undefined;
  readonly kProjWeight: Parameter<'float32'> | undefined;
  readonly vProjWeight: Parameter<'float32'> | undefined;
  readonly inProjBias: Parameter<'float32'> | undefined;
  readonly outProj: Linear;
  readonly dropout: number;
  readonly kdim: number;
  readonly vdim: number;
  readonly batchFirst: boolean;

  constructor(
    readonly embedDim: number,
    readonly numHeads: number,
    options: MultiheadAttentionOptions = {},
  ) {
    super();
    const { dropout = 0, bias = true, kdim = embedDim, vdim = embedDim, batchFirst = false } = options;
    for (const [name, size] of Object.entries({ embedDim, numHeads, kdim, vdim }))
      checkSize(size, 'multiheadAttention', name);
    if (embedDim % numHeads !== 0)
      throw new ArgumentError(`multiheadAttention: ${numHeads} heads do not divide embedDim ${embedDim}`);
    if (!(dropout >= 0 && dropout <= 1))
      throw new ArgumentError(`multiheadAttention: dropout must lie between 0 and 1, got ${dropout}`);
    [this.dropout, this.kdim, this.vdim, this.batchFirst] = [dropout, kdim, vdim, batchFirst];
    const weight = (rows: number, columns: number) => new Parameter(xavierUniform([rows, columns]));
    const isOneSize = kdim === embedDim && vdim === embedDim;
    this.inProjWeight = isOneSize ? weight(3 * embedDim, embedDim) : undefined;
    this.qProjWeight = isOneSize ? undefined : weight(embedDim, embedDim);
    this.kProjWeight = isOneSize ? undefined : weight(embedDim, kdim);
    this.vProjWeight = isOneSize ? undefined : weight(embedDim, vdim);
    this.inProjBias = bias ? new Parameter(zeros([3 * embedDim])) : undefined;
    this.outProj = new Linear(embedDim, embedDim, { bias });
    if (bias) Object.assign(this.outProj, { bias: new Parameter(zeros([embedDim])) });
  }

  /**
   * Query [L, B, E], key [S, B, kdim], value [S, B, vdim] (batch first if the layer is) give [output, weights]: [L, B, E]
   * and [B, L, S], or [B, heads, L, S] without averaging. Weights cost nothing unless they are used. Without `key` the
   * query attends to itself, without `value` keys are values.
   * @throws ShapeError, DTypeError when the arguments do not fit.
   */
  override forward(
    query: Tensor,
    key: Tensor = query,
    value: Tensor = key,
    masks: MultiheadAttentionMasks = {},
  ): Attention {
    this.#check(query, key, value);
    const [q, k, v] = this.#project(query as T, key as T, value as T);
    const [batch, length, keys] = [q.shape[0], q.shape[2], k.shape[2]];
    const { output, weights } = attend('multiheadAttention', [q, k, v], {
      ...this.#masks(masks, [batch, this.numHeads, length, keys], q.dtype),
      isCausal: masks.isCausal,
      dropoutP: this.training ? this.dropout : 0,
    });
    const merged = ops.permute(output, this.batchFirst ? [0, 2, 1, 3] : [2, 0, 1, 3]);
    const result = this.outProj.forward(ops.reshape(merged, query.shape));
    return [result, (masks.averageAttnWeights ?? true) ? (ops.mean(weights, 1) as T) : weights];
  }

  #check(query: Tensor, key: Tensor, value: Tensor): void {
    const at = this.batchFirst ? 0 : 1;
    const sizes = { query: this.embedDim, key: this.kdim, value: this.vdim };
    for (const [name, x] of Object.entries({ query, key, value })) {
      checkTensor(x, 'multiheadAttention', name);
      const size = sizes[name as keyof typeof sizes];
      const shown = this.batchFirst ? `[B, length, ${size}]` : `[length, B, ${size}]`;
      if (x.rank !== 3 || x.shape[2] !== size || x.shape[at] !== query.shape[at])
        throw new ShapeError(
          `multiheadAttention: ${name} must be ${shown}${name === 'query' ? '' : ` with the batch of query ${showShape(query.shape)}`}, got ${showShape(x.shape)}`,
        );
    }
    if (key.shape[1 - at] !== value.shape[1 - at])
      throw new ShapeError(
        `multiheadAttention: key ${showShape(key.shape)} and value ${showShape(value.shape)} differ in length`,
      );
  }

  /** Queries, keys and values as [B, heads, length, E / heads]. Inputs that are one tensor share a product. */
  #project(query: T, key: T, value: T): T[] {
    const given = [query, key, value];
    const biases = this.inProjBias ? ops.chunk(this.inProjBias, 3) : [];
    const isSelf = query === key && key === value;
    if (isSelf && this.inProjWeight)
      return ops.chunk(ops.linear(query, this.inProjWeight, this.inProjBias), 3, -1).map((x) => this.#split(x));
    const weights = this.inProjWeight
      ? ops.chunk(this.inProjWeight, 3)
      : [this.qProjWeight as T, this.kProjWeight as T, this.vProjWeight as T];
    return given.map((x, i) => this.#split(ops.linear(x, weights[i], biases[i])));
  }

  #split(x: T): T {
    const heads = ops.reshape(x, [...x.shape.slice(0, 2), this.numHeads, this.embedDim / this.numHeads]);
    return ops.permute(heads, this.batchFirst ? [0, 2, 1, 3] : [1, 2, 0, 3]);
  }

  /** Which keys are allowed, and what is added to the scores [B, heads, L, S]. */
  #masks(
    { attnMask, keyPaddingMask }: MultiheadAttentionMasks,
    scores: Shape,
    dtype: DType,
  ): { allowed: Bool[]; added?: T } {
    const [batch, heads, length, keys] = scores;
    const allowed = keyPaddingMask
      ? [ops.reshape(paddingAllowed('multiheadAttention', keyPaddingMask, [batch, keys]), [batch, 1, 1, keys])]
      : [];
    if (!attnMask) return { allowed };
    checkTensor(attnMask, 'multiheadAttention', 'attnMask');
    checkDTypeOf(attnMask, ['bool', dtype], 'multiheadAttention', 'attnMask');
    const shapes = [
      [length, keys],
      [batch * heads, length, keys],
    ];
    if (!shapes.some((shape) => sameShape(shape, attnMask.shape)))
      throw new ShapeError(
        `multiheadAttention: attnMask must be ${shapes.map(showShape).join(' or ')}, got ${showShape(attnMask.shape)}`,
      );
    const mask = attnMask.rank === 3 ? ops.reshape(attnMask as T, scores) : attnMask;
    return mask.dtype === 'bool' ? { allowed: [...allowed, ops.logicalNot(mask)] } : { allowed, added: mask as T };
  }

  protected override describe(): string {
    return `${this.embedDim}, ${this.numHeads}`;
  }
}

/** Where a padding mask is false. @throws ShapeError, DTypeError unless it is bool of this shape. */
function paddingAllowed(op: string, mask: Bool, shape: Shape): Bool {
  checkTensor(mask, op, 'keyPaddingMask');
  checkDTypeOf(mask, ['bool'], op, 'keyPaddingMask');
  if (!sameShape(mask.shape, shape))
    throw new ShapeError(`${op}: keyPaddingMask must be ${showShape(shape)}, got ${showShape(mask.shape)}`);
  return ops.logicalNot(mask);
}

/** What a call of `additiveAttention` may be told. */
export interface AdditiveAttentionMasks {
  /** [B, S]: true where a key is padding, which no query attends to. */
  readonly keyPaddingMask?: Bool;
}

/**
 * Scores v tanh(W_q query + W_k key + b), and the values weighted by their softmax over the keys (Bahdanau, Cho and
 * Bengio, "Neural Machine Translation by Jointly Learning to Align and Translate", 2015). State: query.weight [hidden,
 * querySize], key.weight [hidden, keySize], key.bias [hidden], score.weight [1, hidden].
 */
export class AdditiveAttention extends Module<
  Attention,
  [query: Tensor, key: Tensor, value?: Tensor, masks?: AdditiveAttentionMasks]
> {
  readonly query: Linear;
  readonly key: Linear;
  readonly score: Linear;

  constructor(
    readonly querySize: number,
    readonly keySize: number,
    readonly hiddenSize: number,
  ) {
    super();
    for (const [name, size] of Object.entries({ querySize, keySize, hiddenSize }))
      checkSize(size, 'additiveAttention', name);
    this.query = new Linear(querySize, hiddenSize, { bias: false });
    this.key = new Linear(keySize, hiddenSize);
    this.score = new Linear(hiddenSize, 1, { bias: false });
  }

  /**
   * Queries [B, L, querySize], or one [B, querySize]; keys [B, S, keySize]; values [B, S, V], the keys unless given. Gives
   * [output, weights]: [B, L, V] and [B, L, S], or [B, V] and [B, S]. A loop that asks with one query after the other in
   * one compiled function multiplies the keys once. A query whose keys are all padding gives 0.
   * @throws ShapeError, DTypeError when the arguments do not fit.
   */
  override forward(query: Tensor, key: Tensor, value: Tensor = key, masks: AdditiveAttentionMasks = {}): Attention {
    this.#check(query, key, value);
    const [batch, keys] = key.shape;
    const queries = query.rank === 2 ? ops.unsqueeze(query, 1) : query;
    const sums = ops.add(ops.unsqueeze(this.query.forward(queries), 2), ops.unsqueeze(this.key.forward(key), 1));
    const scores = ops.squeeze(this.score.forward(ops.tanh(sums)), -1);
    const { keyPaddingMask: padding } = masks;
    const allowed = padding ? ops.unsqueeze(paddingAllowed('additiveAttention', padding, [batch, keys]), 1) : undefined;
    const weights = maskedSoftmax(scores, allowed);
    const output = ops.matmul(weights, value as T);
    return query.rank === 2 ? [ops.squeeze(output, 1), ops.squeeze(weights, 1)] : [output, weights];
  }

  #check(query: Tensor, key: Tensor, value: Tensor): void {
    for (const [name, x] of Object.entries({ query, key, value })) checkTensor(x, 'additiveAttention', name);
    const [batch, keys] = key.shape;
    const isQuery = query.rank === 2 || query.rank === 3;
    if (!isQuery || query.shape[0] !== batch || query.shape[query.rank - 1] !== this.querySize)
      throw new ShapeError(
        `additiveAttention: query must be [B, L, ${this.querySize}] or [B, ${this.querySize}] with the batch of key ${showShape(key.shape)}, got ${showShape(query.shape)}`,
      );
    if (key.rank !== 3 || key.shape[2] !== this.keySize)
      throw new ShapeError(`additiveAttention: key must be [B, S, ${this.keySize}], got ${showShape(key.shape)}`);
    if (value.rank !== 3 || !sameShape(value.shape.slice(0, 2), [batch, keys]))
      throw new ShapeError(
        `additiveAttention: value must be [${batch},${keys}, features], got ${showShape(value.shape)}`,
      );
  }

  protected override describe(): string {
    return `${this.querySize}, ${this.keySize}, ${this.hiddenSize}`;
  }
}

export const multiheadAttention = factory(MultiheadAttention);
export const additiveAttention = factory(AdditiveAttention);
