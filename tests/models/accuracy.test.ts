/**
 * How far compiled networks are from the same networks in double precision. Fast numerics are the default only as long
 * as whole networks stay below 1e-3; they stay below a tenth of that. All networks with ZOO=all.
 */
import { afterAll, expect, it } from 'vitest';
import { evaluate, manualSeed, nn, randn, type Tensor } from '../../src/index.js';
import { create, info, list } from '../../src/models/index.js';

const always = new Set(['lenet', 'resnet18', 'resnet20', 'squeezenet1_1', 'mobilenet_v2']);
const names = list().filter((name) => always.has(name) || process.env.ZOO === 'all');
const measured: string[] = [];

/** Large enough that convolutions are Winograd's, small enough for plain JavaScript. */
const side = (name: (typeof names)[number]): number => Math.min(info(name).image[1], name === 'mobilenet_v2' ? 64 : 96);

/** Weights that keep the size of what goes through them; GoogLeNet's own first values let nothing of the image through. */
function redraw(model: nn.Module): nn.Module {
  for (const weight of model.parameters()) {
    if (weight.shape.length > 1) weight.assign(nn.init.kaimingNormal(weight.shape));
  }
  return model;
}

it.each(names)('%s with fast numerics', { timeout: 1_200_000 }, async (name) => {
  manualSeed(0);
  const x = randn([1, info(name).image[0], side(name), side(name)]) as Tensor<'float32'>;
  await evaluate([x]);
  const run = await nn.compileModel(redraw(create(name) as nn.Module), { numerics: 'fast' });
  expect(String(run.explain(x))).toContain('numerics fast: error of a layer at most');
  const error = await run.measureError(x);
  expect(error).toBeGreaterThan(0);
  expect(error).toBeLessThan(1e-4);
  expect(String(run.explain(x))).toContain(`, measured for the whole ${error.toExponential(1)}`);
  measured.push(`${name} ${side(name)}x${side(name)}: ${error.toExponential(1)}`);
});

it('strict numerics declare the bound of direct convolutions', async () => {
  const x = randn([1, 3, 32, 32]) as Tensor<'float32'>;
  await evaluate([x]);
  const run = await nn.compileModel(create('resnet20') as nn.Module, { numerics: 'strict' });
  const bounds = run.explain(x).kernels.flatMap(({ errorBound }) => errorBound ?? []);
  expect(Math.max(...bounds)).toBe(2e-6);
  const error = await run.measureError(x);
  expect(error).toBeGreaterThan(0);
  expect(error).toBeLessThan(1e-5);
});

afterAll(() => console.log(measured.join('\n')));
