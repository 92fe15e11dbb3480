/** Every op row with a PyTorch expression against PyTorch's own numbers in `tests/golden`. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cast, grad, mul, sum, type Tensor, tensor } from '../../src/index.js';
import { allCases } from './all.cases.js';
import { makeInputs, type OpCase } from './case.js';
import { expectClose } from './close.js';

interface Golden {
  readonly shape: readonly number[];
  readonly y: readonly (number | string)[];
  readonly gradients?: readonly (readonly (number | string)[])[];
}

function readGolden(op: string): Record<string, Golden> {
  const file = new URL(`../golden/${op}.json`, import.meta.url);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}

/** Gradients are of sum(y * w) with these weights, as in `tests/golden/generate.py`. */
const weights = (size: number): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(1.7 * i + 0.3) + 0.1);

for (const [op, rows] of Object.entries(allCases) as [string, readonly OpCase[]][]) {
  const golden = readGolden(op);
  const compared = rows.filter(({ torch }) => torch);
  if (compared.length === 0) continue;
  describe(op, () => {
    for (const row of compared)
      it(`${row.label} equals PyTorch`, async () => {
        const expected = golden[row.label];
        expect(expected, 'no golden numbers for this row; run: npm run golden').toBeDefined();
        const inputs = makeInputs(row);
        const y = row.run(...(inputs as Tensor<never>[]));
        expect(y.shape).toEqual(expected.shape);
        const moving = inputs.filter(({ dtype }) => dtype === 'float32' || dtype === 'float64');
        const w = cast(tensor(weights(y.size), { shape: y.shape }), y.dtype);
        // Before the values are read, as reading lets go of the graph.
        const gradients = expected.gradients ? grad(sum(mul(y, w)), moving, { allowUnused: true }) : [];
        expectClose(await y.data(), expected.y.map(Number), row.tolerance ?? 1e-5);
        for (const [i, g] of gradients.entries())
          expectClose(await g.data(), expected.gradients?.[i].map(Number) ?? [], 1e-4);
      });
  });
}
