/** Prints every row that has a PyTorch expression as JSON, for `generate.py`. */
import { allCases } from '../ops/all.cases.js';
import { inputValues, type OpCase } from '../ops/case.js';

/** JSON has no NaN, no infinities and no negative zero; these travel as strings. */
const jsonValue = (value: number): number | string =>
  Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? '-0' : String(value);

const rows = Object.entries(allCases).flatMap(([op, cases]) =>
  (cases as readonly OpCase[])
    .filter(({ torch }) => torch)
    .map(({ label, torch, inputs, gradient }) => ({
      op,
      label,
      torch,
      gradient: gradient !== false,
      inputs: inputs.map((spec, i) => ({
        shape: spec.shape,
        dtype: spec.dtype ?? 'float32',
        values: inputValues(spec, i).map(jsonValue),
      })),
    })),
);
process.stdout.write(JSON.stringify(rows));
