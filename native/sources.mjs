// Prints lists for binding.gyp, one word a line: `sources.mjs core`, `sources.mjs avx2` (source files) and
// `sources.mjs flags avx2` (compiler flags). The facts are sources.json, families.inc and the names of kernel files:
// native/kernels/<family>/<anything>_<isa>.cc. CMakeLists.txt reads the same three.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { argv, stdout } from 'node:process';
import { fileURLToPath } from 'node:url';

const native = dirname(fileURLToPath(import.meta.url));
const lists = JSON.parse(readFileSync(join(native, 'sources.json'), 'utf8'));

export function families() {
  const text = readFileSync(join(native, 'kernels/families.inc'), 'utf8');
  return [...text.matchAll(/^BRAWN_FAMILY\((\w+)\)/gm)].map((match) => match[1]);
}

export function sources(name) {
  if (name === 'core' || name === 'addon') return lists[name];
  if (!(name in lists.flags)) throw new Error(`sources: no list is called ${name}`);
  return families().flatMap((family) =>
    readdirSync(join(native, 'kernels', family))
      .filter((file) => file.endsWith(`_${name}.cc`))
      .sort()
      .map((file) => `native/kernels/${family}/${file}`),
  );
}

export function flags(name) {
  if (!(name in lists.flags)) throw new Error(`sources: no flags are called ${name}`);
  return lists.flags[name];
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const words = argv[2] === 'flags' ? flags(argv[3]) : sources(argv[2]);
  stdout.write(words.map((word) => `${word}\n`).join(''));
}
