/**
 * Puts the package's JavaScript into dist (or the folder given), a few files instead of one for each of src: Node spends
 * more on finding and linking a module than on running it. Entries are those of package.json, and what worker threads
 * start with. Types come from tsc.
 */
import { readFileSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const { exports, bin } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const targets = [...Object.values(exports).map((entry) => entry.default), ...Object.values(bin)];
const entries = targets
  .filter((target) => target?.endsWith('.js'))
  .map((target) => target.replace(/^(\.\/)?dist\//, ''));
const workers = ['data/worker-entry.js', 'data/augment.js'];

const outdir = process.argv[2] ?? 'dist';
rmSync(outdir, { recursive: true, force: true });
await build({
  entryPoints: [...entries, ...workers].map((path) => `src/${path.replace(/\.js$/, '.ts')}`),
  outbase: 'src',
  outdir,
  bundle: true,
  splitting: true,
  // As deep as the folders of src: what is found beside a module is found from a chunk as well.
  chunkNames: 'chunks/[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  keepNames: true,
  logLevel: 'warning',
});
