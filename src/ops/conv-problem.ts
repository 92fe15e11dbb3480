/** A convolution in its kernels' terms; of `conv-core.ts`, `conv-planes.ts` and `conv-depthwise.ts`. Shapes are channels-last. */
import { type Shape, sizeOf } from '../shape.js';
import { type Geometry, geometryOf, spatialOf, type WindowAttrs } from './window.js';

/** Everything about one convolution, from the shapes of its three tensors. */
export interface Problem {
  readonly batch: number;
  readonly groups: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly geometry: Geometry;
}

export function problemOf(x: Shape, w: Shape, y: Shape, attrs: WindowAttrs & { readonly groups: number }): Problem {
  return {
    batch: x[0],
    groups: attrs.groups,
    inChannels: x[x.length - 1],
    outChannels: y[y.length - 1],
    geometry: geometryOf(spatialOf(x), spatialOf(y), spatialOf(w), attrs),
  };
}

/** The parameters of the kernels. */
export const paramsOf = ({ batch, groups, inChannels, outChannels, geometry }: Problem) => ({
  batch,
  groups,
  in_channels: inChannels,
  out_channels: outChannels,
  ...geometry,
});

/** Multiply-adds of a convolution count twice; its weights, in any order, have the output channels first. */
export const flopsOf = (out: Shape, w: Shape): number => 2 * sizeOf(out) * sizeOf(w.slice(1));
