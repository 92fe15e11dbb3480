// Builds the native addon when brawn is installed. It compiles against the headers that came with the running Node, so
// nothing is downloaded. An addon that is newer than all of its sources and loads is kept (npx installs the package it
// stands in again); `--force` builds it all the same. BRAWN_SKIP_BUILD=1 installs without native code, for the
// pure-JavaScript executor alone.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { arch, argv, env, execPath, exit, platform, version } from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

// A directory with include/node below it, or undefined when only a download could provide the headers.
function findHeaders() {
  if (env.npm_config_nodedir) return env.npm_config_nodedir;
  const beside = dirname(dirname(execPath));
  return existsSync(join(beside, 'include/node/node_api.h')) ? beside : undefined;
}

function findNodeGyp() {
  try {
    return createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  } catch {
    return undefined;
  }
}

function has(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

// What is missing, as far as it can be told from outside.
function diagnose(headers) {
  const advice = [];
  const compiler = env.CXX ?? (platform === 'darwin' ? 'clang++' : 'g++');
  if (!has(compiler.split(' ')[0]) || !has('make') || !has(env.PYTHON ?? env.npm_config_python ?? 'python3')) {
    const commands = {
      darwin: 'xcode-select --install',
      linux: existsSync('/etc/alpine-release')
        ? 'apk add g++ make python3'
        : existsSync('/etc/debian_version')
          ? 'apt-get install -y g++ make python3'
          : 'dnf install -y gcc-c++ make python3',
    };
    advice.push(`a C++ compiler, make and Python 3 are needed; install them with\n    ${commands[platform]}`);
  }
  if (headers === undefined) {
    advice.push(
      `this Node has no headers beside it (${dirname(dirname(execPath))}/include/node); point at some with\n` +
        '    npm_config_nodedir=/path/to/node npm install brawn',
    );
  }
  advice.push('to see the whole build, run\n    npm rebuild brawn --foreground-scripts');
  advice.push('to use the slow pure-JavaScript executor only, run\n    BRAWN_SKIP_BUILD=1 npm install brawn');
  return advice;
}

// Whether the addon that is there was made from the sources that are there.
function isUpToDate() {
  const addon = join(root, 'build/Release/brawn.node');
  if (!existsSync(addon)) return false;
  const built = statSync(addon).mtimeMs;
  const native = readdirSync(join(root, 'native'), { recursive: true }).map((name) => join(root, 'native', name));
  const sources = [...native, join(root, 'binding.gyp')];
  if (sources.some((source) => statSync(source).mtimeMs > built)) return false;
  return spawnSync(execPath, ['-e', 'require(process.argv[1])', addon], { stdio: 'ignore' }).status === 0;
}

function main() {
  if (env.BRAWN_SKIP_BUILD && env.BRAWN_SKIP_BUILD !== '0') {
    console.warn('brawn: BRAWN_SKIP_BUILD is set: no native code was built');
    return 0;
  }
  if (!['linux', 'darwin'].includes(platform) || !['x64', 'arm64'].includes(arch)) {
    console.error(`brawn: there is no native code for ${platform}-${arch} (only linux and darwin on x64 and arm64)`);
    return 1;
  }
  if (!argv.includes('--force') && isUpToDate()) {
    console.log('brawn: the native addon is up to date');
    return 0;
  }
  const headers = findHeaders();
  const gyp = findNodeGyp();
  if (gyp === undefined) {
    console.error('brawn: node-gyp is missing; run\n    npm install node-gyp');
    return 1;
  }
  const args = [gyp, 'rebuild', '--release', `--jobs=${availableParallelism()}`];
  if (headers !== undefined) args.push(`--nodedir=${headers}`);
  args.push(...argv.slice(2).filter((word) => word !== '--force'));
  const result = spawnSync(execPath, args, { cwd: root, stdio: 'inherit' });
  if (result.status === 0) return 0;
  console.error(`\nbrawn: the native build failed (${platform}-${arch}, Node ${version}).`);
  console.error(`  tried, in ${root}:\n    ${[execPath, ...args].join(' ')}`);
  for (const line of diagnose(headers)) console.error(`  ${line}`);
  return 1;
}

exit(main());
