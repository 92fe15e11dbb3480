/** Measured tuning: what is measured, kept and read again, and what it decides. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  compile,
  conv2d,
  explain,
  getThreads,
  getTuning,
  grad,
  randn,
  setNumerics,
  setThreads,
  setTuning,
  sum,
  type Tensor,
  Variable,
} from '../../src/index.js';
import { addon, type NativeProgram } from '../../src/runtime/addon.js';

type F = Tensor<'float32'>;
type File = { version: number; measurements: Record<string, { milliseconds: Record<string, number> }> };

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brawn-tuning-'));
  file = join(folder, 'tuning.json');
});
afterEach(async () => {
  setTuning(undefined);
  setNumerics('fast');
  await rm(folder, { recursive: true, force: true });
});

const [x, w] = [randn([2, 32, 20, 20]), randn([32, 32, 3, 3])];
const convolution = (image: F, weight: F) => conv2d(image, weight, undefined, { padding: 1 });
const planned = () => compile(convolution).explain(x, w);
const kernelsOf = () => planned().kernels.map(({ kernel }) => kernel);
const contents = async () => JSON.parse(await readFile(file, 'utf8')) as File;

/** How often something was run for being measured while `fn` ran. */
function runsDuring(fn: () => unknown): number {
  const create = addon().createProgram;
  let runs = 0;
  const counting: ProxyHandler<NativeProgram> = {
    apply: (program, _, args: Parameters<NativeProgram>) => {
      runs++;
      return program(...args);
    },
  };
  const spy = vi.spyOn(addon(), 'createProgram').mockImplementation((text) => new Proxy(create(text), counting));
  try {
    fn();
    return runs;
  } finally {
    spy.mockRestore();
  }
}

/** Says in the file that `fastest` is. */
async function pretend(fastest: string): Promise<void> {
  const content = await contents();
  for (const { milliseconds } of Object.values(content.measurements))
    for (const name of Object.keys(milliseconds)) milliseconds[name] = name === fastest ? 0.001 : 1;
  await writeFile(file, JSON.stringify(content));
  setTuning(file);
}

describe('tuning', () => {
  it('measures each way once, and keeps that for later plans and processes', async () => {
    setTuning(file);
    expect(getTuning()).toBe(file);
    expect(runsDuring(planned)).toBeGreaterThan(8);
    const [[key, { milliseconds }], ...others] = Object.entries((await contents()).measurements);
    expect(others).toEqual([]);
    expect(key).toContain(`${addon().cpu().isa}, ${getThreads()} threads: conv [2,20,20,32] [32,3,3,32] float32 {`);
    expect(Object.keys(milliseconds).sort()).toEqual(['F(2x2)', 'F(4x4)', 'direct']);
    expect(runsDuring(planned)).toBe(0);
    setTuning(file); // as another process: what was known is forgotten
    expect(runsDuring(planned)).toBe(0);
    const { choices } = planned();
    expect(choices).toHaveLength(1);
    expect(choices[0].measured?.milliseconds).toEqual(milliseconds);
    expect(milliseconds[choices[0].way]).toBe(Math.min(...Object.values(milliseconds)));
    expect(await readdir(folder)).toEqual(['tuning.json']);
  });

  it('decides, and explain() says so', async () => {
    setTuning(file);
    planned();
    await pretend('direct');
    expect(kernelsOf()).toContain('conv_planes_forward_f32');
    expect(String(planned())).toMatch(/conv \[2,20,20,32\] \[32,3,3,32\]: direct, measured: .*direct 0\.001 ms/);
    await pretend('F(2x2)');
    expect(kernelsOf()).not.toContain('conv_planes_forward_f32');
    expect(planned().choices[0]).toMatchObject({ op: 'conv [2,20,20,32] [32,3,3,32]', way: 'F(2x2)' });
    const tuned = await compile(convolution)(x, w);
    setTuning(undefined);
    setNumerics('strict');
    const direct = await (await compile(convolution)(x, w)).data();
    const norm = Math.hypot(...direct);
    expect(Math.hypot(...(await tuned.data()).map((value, i) => value - direct[i])) / norm).toBeLessThan(2e-6);
  });

  it('measures gradients and frozen weights apart, and what is new beside what is known', async () => {
    setTuning(file);
    const weight = new Variable(w);
    const backward = (image: F) => grad(sum(convolution(image, weight).square() as F), [weight]);
    const gradients = compile((image: F) => backward(image)).explain(x);
    expect(gradients.choices.map(({ op }) => op.split(' ')[0]).sort()).toEqual(['conv', 'convWeightGrad']);
    expect(Object.keys((await contents()).measurements)).toHaveLength(2);
    expect(
      runsDuring(() => compile((image: F) => convolution(image, weight), { frozen: true }).explain(x)),
    ).toBeGreaterThan(0);
    expect(
      Object.keys((await contents()).measurements).filter((key) => key.includes('[32,3,3,32] frozen')),
    ).toHaveLength(1);
    expect(Object.keys((await contents()).measurements)).toHaveLength(3);
  });

  it('measures again for another number of threads', async () => {
    const threads = getThreads();
    setTuning(file);
    planned();
    setThreads(threads + 1);
    try {
      expect(runsDuring(planned)).toBeGreaterThan(0);
    } finally {
      setThreads(threads);
    }
    expect(Object.keys((await contents()).measurements)).toHaveLength(2);
  });

  it('measures nothing under strict numerics, and nothing where it is off', () => {
    const plain = planned();
    expect(plain.choices).toEqual([
      { op: 'conv [2,20,20,32] [32,3,3,32]', way: plain.choices[0].ways[0], ways: expect.anything() },
    ]);
    expect(String(plain)).toContain(`${plain.choices[0].way}, expected to be faster than`);
    setTuning(file);
    setNumerics('strict');
    expect(runsDuring(planned)).toBe(0);
    expect(planned().choices).toEqual([]);
    expect(kernelsOf()).toContain('conv_planes_forward_f32');
  });

  it('applies to tensors that are read directly', async () => {
    setTuning(file);
    planned();
    await pretend('direct');
    expect(explain(convolution(x, w)).choices[0].way).toBe('direct');
  });

  it.each([
    ['{', 'is no JSON'],
    ['{"name": "package"}', 'is no file of measured times'],
    ['null', 'is no file of measured times'],
    ['{"format": "brawn tuning", "version": 2}', 'has version 2, this package reads 1'],
    [
      '{"format": "brawn tuning", "version": 1, "measurements": {"a": {"milliseconds": {"direct": "x"}}}}',
      'is damaged',
    ],
  ])('refuses a file with %s', async (text, message) => {
    await writeFile(file, text);
    setTuning(file);
    expect(planned).toThrow(`tuning: ${file} ${message}; delete it to have it made anew`);
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  it('says when the file cannot be read or written', () => {
    setTuning(folder);
    expect(planned).toThrow(`tuning: ${folder} cannot be read`);
    setTuning(join(folder, 'none', 'tuning.json'));
    expect(planned).toThrow(`tuning: ${join(folder, 'none', 'tuning.json')} cannot be written`);
  });

  it('is switched on by BRAWN_TUNE', async () => {
    vi.resetModules();
    vi.stubEnv('BRAWN_TUNE', file);
    try {
      const fresh = await import('../../src/runtime/tuning.js');
      expect(fresh.getTuning()).toBe(file);
      fresh.setTuning(undefined);
      expect(fresh.getTuning()).toBeUndefined();
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
