// The developer's build of the addon: cmake-js into build/dev, against the headers beside the running Node. Give the
// result to brawn with BRAWN_ADDON=build/dev/Release/brawn.node. Further words go to cmake-js: `... --debug`.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { argv, env, execPath, exit } from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cmakeJs = createRequire(import.meta.url).resolve('cmake-js/bin/cmake-js');
const beside = dirname(dirname(execPath));
const headers = existsSync(join(beside, 'include/node/node_api.h')) ? { npm_config_nodedir: beside } : {};
const build = join(env.BRAWN_BUILD_ROOT ?? join(root, 'build'), 'dev');
const args = [cmakeJs, 'compile', '-O', build, '--target', 'brawn', ...argv.slice(2)];
exit(spawnSync(execPath, args, { cwd: root, stdio: 'inherit', env: { ...headers, ...env } }).status ?? 1);
