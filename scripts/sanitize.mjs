// Builds and runs the native tests under sanitizers: `node scripts/sanitize.mjs address,undefined` (the default) or
// `node scripts/sanitize.mjs thread`. A second word narrows the tests to a ctest label: `... thread core`.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { argv, env, exit } from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sanitizers = argv[2] ?? 'address,undefined';
const label = argv[3];
const build = join(env.BRAWN_BUILD_ROOT ?? join(root, 'build'), `sanitize-${sanitizers.replaceAll(',', '-')}`);

function run(command, args) {
  const options = {
    stdio: 'inherit',
    env: { ...env, TSAN_OPTIONS: 'halt_on_error=1', UBSAN_OPTIONS: 'print_stacktrace=1' },
  };
  const result = spawnSync(command, args, options);
  if (result.error) console.error(`sanitize: cannot run ${command}: ${result.error.message}`);
  if (result.status !== 0) exit(result.status ?? 1);
}

run('cmake', ['-S', root, '-B', build, `-DBRAWN_SANITIZE=${sanitizers}`, '-DCMAKE_BUILD_TYPE=Debug']);
run('cmake', ['--build', build, '--parallel', ...(label === 'core' ? ['--target', 'core_tests'] : [])]);
run('ctest', ['--test-dir', build, '--output-on-failure', ...(label === undefined ? [] : ['-L', label])]);
