/** Runs programs and the command line of this package in child processes, for tests of what a whole process does. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** How Node runs a TypeScript file of this package. */
export const nodeArguments = ['--expose-gc', '--import', 'tsx'];

function run(command: string, args: readonly string[], env: Environment): Outcome {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NODE_NO_WARNINGS: '1', ...env },
    timeout: 120_000,
  });
  if (error) throw error;
  return { status, stdout, stderr };
}

/** The module `source`, which may import from './src/index.js'. */
export function runModule(source: string, env: Environment = {}): Outcome {
  return run(process.execPath, [...nodeArguments, '--input-type=module', '--eval', source], env);
}

/** A shell command in the package's folder; `$NODE` runs TypeScript files. */
export function runShell(script: string, env: Environment = {}): Outcome {
  return run('bash', ['-c', script], { NODE: [process.execPath, ...nodeArguments].join(' '), ...env });
}

/** `brawn` with `args`. */
export function runBrawn(args: readonly string[], env: Environment = {}): Outcome {
  return run(process.execPath, [...nodeArguments, 'src/cli/main.ts', ...args], env);
}
