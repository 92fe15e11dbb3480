/**
 * Test projects: everything once with the best instruction set, and the op tables again under each other one that
 * this CPU has (the suite asserts that it really ran under it).
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

function otherInstructionSets(): string[] {
  try {
    const addon = createRequire(import.meta.url)(process.env.BRAWN_ADDON ?? './build/Release/brawn.node');
    const { isa, available } = addon.cpu() as { isa: string; available: string[] };
    return available.filter((name) => name !== isa);
  } catch {
    return [];
  }
}

const shared = { pool: 'forks' as const, testTimeout: 60_000, hookTimeout: 60_000, setupFiles: ['tests/setup.ts'] };

/** Examples import the package by its name; tests run them on the sources. */
const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));
const alias = [
  { find: /^brawn$/, replacement: source('index.ts') },
  { find: /^brawn\/(\w+)$/, replacement: source('$1/index.ts') },
];

export default defineConfig({
  test: {
    projects: [
      { resolve: { alias }, test: { ...shared, name: 'brawn', include: ['tests/**/*.test.ts'] } },
      ...otherInstructionSets().map((isa) => ({
        test: { ...shared, name: isa, include: ['tests/ops/ops.test.ts'], env: { BRAWN_ISA: isa } },
      })),
    ],
  },
});
