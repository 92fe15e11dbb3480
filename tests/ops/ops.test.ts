/** Every row of every op: native forward against the JavaScript executor, and gradients against finite differences. */
import { afterEach, describe, expect, it } from 'vitest';
import { gradCheck, setBackend, type Tensor } from '../../src/index.js';
import { allCases } from './all.cases.js';
import { isFloatCase, makeInputs, type OpCase } from './case.js';
import { expectClose } from './close.js';

afterEach(() => setBackend('native'));

async function compute(
  row: OpCase,
  float: 'float32' | 'float64' | undefined,
  backend: 'native' | 'javascript',
): Promise<Tensor> {
  setBackend(backend);
  const result = row.run(...(makeInputs(row, float) as Tensor<never>[]));
  await result.data();
  return result;
}

for (const [op, rows] of Object.entries(allCases))
  describe(op, () => {
    for (const row of rows as readonly OpCase[]) {
      const floats = isFloatCase(row) ? (['float32', 'float64'] as const) : [undefined];
      for (const float of floats)
        it(`${row.label}: forward equals the JavaScript executor${float ? ` in ${float}` : ''}`, async () => {
          const reference = await compute(row, float, 'javascript');
          const native = await compute(row, float, 'native');
          expect([native.dtype, native.shape]).toEqual([reference.dtype, reference.shape]);
          const tolerance = float === 'float64' ? 1e-12 : (row.tolerance ?? 1e-5);
          expectClose(await native.data(), await reference.data(), tolerance);
        });
      if (isFloatCase(row) && row.gradient !== false)
        it(`${row.label}: gradient equals finite differences`, async () => {
          const inputs = makeInputs(row, 'float64') as Tensor<'float64'>[];
          const moving = inputs.filter((input) => input.dtype === 'float64');
          const fn = (...xs: Tensor<'float64'>[]) => {
            const rest = [...xs];
            return row.run(
              ...(inputs.map((input) => (input.dtype === 'float64' ? rest.shift() : input)) as Tensor<never>[]),
            );
          };
          await gradCheck(fn, moving, { tolerance: row.gradTolerance, second: row.second });
        });
    }
  });
