/**
 * The documentation is true: TypeScript blocks compile and run and print what is said, excerpts are in the code, tables
 * list what exists, links and commands lead somewhere.
 *
 * Blocks: `ts` is type-checked and run; `ts no-run` only type-checked; `text output` right after a block is what that
 * prints; `ts from <file>` and `cpp from <file>` stand in that file word for word.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format } from 'node:util';
import ts from 'typescript';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { setAnomalyMode, setBackend } from '../src/index.js';
import * as ops from '../src/ops/index.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'build', 'snippets');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const pages = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const manifest = JSON.parse(read('package.json')) as {
  scripts: Record<string, string>;
  exports: Record<string, { default: string }>;
};

interface Block {
  readonly page: string;
  readonly line: number;
  readonly info: string;
  readonly text: string;
  /** What it prints, when the page says so. */
  output?: string;
}

function blocksOf(page: string): Block[] {
  const source = read(page);
  const blocks: Block[] = [];
  for (const match of source.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)) {
    const line = source.slice(0, match.index).split('\n').length;
    const [, info, text] = match;
    const last = blocks.at(-1);
    if (info === 'text output' && last) last.output = text;
    else blocks.push({ page, line, info, text });
  }
  return blocks;
}

const blocks = pages.flatMap(blocksOf);
const snippets = blocks
  .filter(({ info }) => info === 'ts' || info === 'ts no-run')
  .map((block) => ({ ...block, file: join(folder, `${block.page.replace(/\W/g, '-')}-${block.line}.ts`) }));

/** The snippet with the package's entries replaced by the sources they are built from. */
function withSources(text: string): string {
  return text.replace(/from '(brawn[^']*)'/g, (_, name: string) => {
    const entry = manifest.exports[name.replace(/^brawn/, '.')];
    if (!entry) throw new Error(`${name} is no entry of the package`);
    return `from '${entry.default.replace('./dist/', '../../src/')}'`;
  });
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const { file, text } of snippets) writeFileSync(file, withSources(text));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('snippets', () => {
  afterEach(() => {
    vi.restoreAllMocks();
    setBackend('native');
    setAnomalyMode(false);
  });

  it('compile', () => {
    const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
    const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
    const relaxed = { ...options, noEmit: true, rootDir: root, noUnusedLocals: false };
    const program = ts.createProgram(
      snippets.map(({ file }) => file),
      relaxed,
    );
    const problems = snippets.flatMap(({ page, line, file }) => {
      const source = program.getSourceFile(file);
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
        ({ messageText, start }) => {
          const at = source && start !== undefined ? source.getLineAndCharacterOfPosition(start).line + 1 : 0;
          return `${page}:${line + at}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
        },
      );
    });
    expect(problems).toEqual([]);
  });

  for (const { page, line, info, file, output } of snippets) {
    if (info !== 'ts') continue;
    it(`${page}:${line} runs`, { timeout: 20_000 }, async () => {
      const printed: string[] = [];
      vi.spyOn(console, 'log').mockImplementation((...words) => void printed.push(`${format(...words)}\n`));
      await import(/* @vite-ignore */ file);
      if (output !== undefined) expect(printed.join('')).toBe(output);
    });
  }
});

describe('excerpts', () => {
  for (const { page, line, info, text } of blocks) {
    const [, path] = /^\w+ from (\S+)$/.exec(info) ?? [];
    if (path) it(`${page}:${line} stands in ${path}`, () => expect(read(path)).toContain(text.trimEnd()));
  }
});

function filesUnder(path: string, ending: RegExp): string[] {
  return readdirSync(join(root, path), { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name))
    .map((name) => join(path, name));
}

const firstColumn = (page: string, pattern: RegExp): string[] =>
  [...read(page).matchAll(new RegExp(`^\\| \`(${pattern.source})\``, 'gm'))].map(([, name]) => name);

describe('tables', () => {
  it('docs/environment.md has the variables that the code reads, and no others', () => {
    const used = new Set<string>();
    const files = [
      ...filesUnder('src', /\.ts$/),
      ...filesUnder('native', /\.(cc|h|inl)$/),
      ...filesUnder('scripts', /\.mjs$/),
    ];
    for (const file of files)
      for (const [, a, b] of read(file).matchAll(/\benv\.(BRAWN_\w+)|getenv\("(BRAWN_\w+)"\)/g)) used.add(a ?? b);
    expect([...firstColumn('docs/environment.md', /BRAWN_\w+/)].sort()).toEqual([...used].sort());
  });

  it('docs/errors.md has every class and code', () => {
    const source = read('src/errors.ts');
    const pairs = [...source.matchAll(/class (\w+) extends BrawnError[\s\S]*?'(ERR_BRAWN_\w+)'/g)];
    const rows = [...read('docs/errors.md').matchAll(/^\| `(\w+)` \| `(ERR_BRAWN_\w+)` \|/gm)];
    const names = (list: RegExpMatchArray[]) => list.map(([, name, code]) => `${name} ${code}`).sort();
    expect(names(rows)).toEqual(names(pairs));
  });

  it('docs/ops.md has every op, and no others', () => {
    const exported = Object.entries(ops).flatMap(([name, value]) => (typeof value === 'function' ? [name] : []));
    expect(firstColumn('docs/ops.md', /\w+/).sort()).toEqual(exported.sort());
  });
});

describe('pages', () => {
  for (const page of pages) {
    it(`${page}: links and commands lead somewhere`, () => {
      const source = read(page);
      for (const [, target] of source.matchAll(/\]\(([^)#\s]+)[^)]*\)/g))
        if (!/^\w+:/.test(target)) expect(existsSync(join(root, dirname(page), target)), target).toBe(true);
      for (const [, script] of source.matchAll(/npm run (?:--silent )?([\w:-]+)/g))
        expect(manifest.scripts[script], `npm run ${script}`).toBeDefined();
      for (const [, path] of source.matchAll(/`((?:src|native|tests|scripts|bench|docs|examples)\/[\w./-]+)`/g))
        expect(existsSync(join(root, path)), path).toBe(true);
    });
  }
});
