// Fails when an object file of one instruction set exports anything but its tables. Inline functions and templates
// become weak symbols; compiled with -mavx2 they may replace those of the baseline code and crash older CPUs.
// Usage: `node scripts/check-symbols.mjs [build directory]`, after a build (default: build).
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { argv, exit } from 'node:process';
import { fileURLToPath } from 'node:url';
import { families } from '../native/sources.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const build = argv[2] ?? join(root, 'build');
const allowed = new Set([...families().map((family) => `${family}_table()`), 'vm_functions()', 'vm_table()']);

function findObjects(directory) {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    // Sanitized builds are made with little inlining and are shipped to nobody.
    if (entry.isDirectory()) return entry.name.startsWith('sanitize-') ? [] : findObjects(path);
    return /_(ref|avx2|avx512|neon)(\.cc)?\.o$/.test(entry.name) ? [path] : [];
  });
}

// Lines of nm: an optional address, a letter for the kind, the name.
function listSymbols(file) {
  const result = spawnSync('nm', ['-C', file], { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (result.status !== 0) throw new Error(`nm ${file}: ${result.error?.message ?? result.stderr}`);
  return result.stdout.split('\n').flatMap((line) => {
    const match = /^[0-9a-f]*\s+(\w) (.*)$/.exec(line);
    return match ? [{ kind: match[1], name: match[2] }] : [];
  });
}

function problemsOf(file) {
  const isa = /_(ref|avx2|avx512|neon)(\.cc)?\.o$/.exec(file)[1];
  return listSymbols(file).flatMap(({ kind, name }) => {
    if (/[WVu]/.test(kind)) return [`weak symbol ${name}`];
    if (!/[TDBRCSGi]/.test(kind)) return [];
    const own = name.replace(/^_?brawn::/, '').split(/::(.*)/s);
    return own[0] === isa && allowed.has(own[1]) ? [] : [`external symbol ${name} is not a table of ${isa}`];
  });
}

const objects = statSync(build, { throwIfNoEntry: false }) ? findObjects(build) : [];
if (objects.length === 0) {
  console.error(`check-symbols: no object files of kernels under ${build}; build first`);
  exit(1);
}
let count = 0;
for (const file of objects) {
  for (const problem of problemsOf(file)) {
    console.error(`check-symbols: ${relative(root, file)}: ${problem}`);
    ++count;
  }
}
if (count > 0) exit(1);
console.log(`check-symbols: ${objects.length} object files export their tables only`);
