// Builds and runs the native tests, which need no Node: optimized for this machine; `aarch64`, cross-compiled for 64-bit
// Arm and run under emulation (g++-aarch64-linux-gnu and qemu-user of Debian); or `sanitize [address,undefined | thread]`.
// A further word is a regular expression of the tests to run, or `core` for those without kernels.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { argv, env, exit } from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const words = argv.slice(2);

/** Takes the kind of build off the command line: its folder, and what cmake is told. */
function takeKind() {
  if (words[0] === 'aarch64') {
    words.shift();
    return {
      folder: 'native-test-aarch64',
      settings: [
        'CMAKE_SYSTEM_NAME=Linux',
        'CMAKE_SYSTEM_PROCESSOR=aarch64',
        'CMAKE_CXX_COMPILER=aarch64-linux-gnu-g++',
        'CMAKE_CROSSCOMPILING_EMULATOR=qemu-aarch64;-L;/usr/aarch64-linux-gnu',
      ],
    };
  }
  if (words[0] !== 'sanitize') return { folder: 'native-test', settings: [] };
  words.shift();
  const sanitizers = words.shift() ?? 'address,undefined';
  return {
    folder: `sanitize-${sanitizers.replaceAll(',', '-')}`,
    settings: [`BRAWN_SANITIZE=${sanitizers}`, 'CMAKE_BUILD_TYPE=Debug'],
  };
}

function run(command, args) {
  const options = {
    stdio: 'inherit',
    env: { ...env, TSAN_OPTIONS: 'halt_on_error=1', UBSAN_OPTIONS: 'print_stacktrace=1' },
  };
  const result = spawnSync(command, args, options);
  if (result.error) console.error(`native-test: cannot run ${command}: ${result.error.message}`);
  if (result.status !== 0) exit(result.status ?? 1);
}

const { folder, settings } = takeKind();
const [which] = words;
const build = join(env.BRAWN_BUILD_ROOT ?? join(root, 'build'), folder);
const narrowed = which === 'core' ? ['-L', 'core'] : which === undefined ? [] : ['-R', which];
run('cmake', ['-S', root, '-B', build, ...settings.map((setting) => `-D${setting}`)]);
run('cmake', ['--build', build, '--parallel', ...(which === 'core' ? ['--target', 'core_tests'] : [])]);
run('ctest', ['--test-dir', build, '--output-on-failure', '--no-tests=error', ...narrowed]);
