/** Checks the layout of C++ sources (or rewrites it with `--write`); says so and passes where the formatter has no binary. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);
const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..');
const home = path.dirname(require.resolve('clang-format/package.json'));
const binary = path.join(home, 'bin', `${process.platform}_${process.arch}`, 'clang-format');
if (!existsSync(binary)) {
  console.log(`clang-format: no binary for ${process.platform}-${process.arch}; C++ layout is not checked here`);
  process.exit(0);
}
const files = readdirSync(path.join(root, 'native'), { recursive: true })
  .filter((name) => /\.(cc|h|inl)$/.test(name))
  .map((name) => path.join(root, 'native', name));
const mode = process.argv.includes('--write') ? ['-i'] : ['--dry-run', '-Werror'];
const { status } = spawnSync(binary, ['--style=file', ...mode, ...files], { stdio: 'inherit', cwd: root });
process.exit(status ?? 1);
