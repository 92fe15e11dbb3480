/** Files are written wholly or not at all. */
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeAtomically, writeFileAtomically } from '../../src/io/index.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brawn-atomic-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('writes and replaces a file, and leaves nothing else behind', async () => {
  const path = join(folder, 'a.txt');
  await writeFileAtomically(path, 'first');
  await chmod(path, 0o640);
  await writeFileAtomically(path, new TextEncoder().encode('second'));
  expect(await readFile(path, 'utf8')).toBe('second');
  expect((await stat(path)).mode & 0o777).toBe(0o640);
  expect(await readdir(folder)).toEqual(['a.txt']);
});

it('follows a symbolic link instead of replacing it', async () => {
  await writeFile(join(folder, 'real'), 'old');
  await symlink(join(folder, 'real'), join(folder, 'link'));
  await writeFileAtomically(join(folder, 'link'), 'new');
  expect(await readFile(join(folder, 'real'), 'utf8')).toBe('new');
});

it('a full disk leaves the old file as it was and no temporary file', async () => {
  const path = join(folder, 'model');
  await writeFile(path, 'old');
  const full = writeAtomically(
    path,
    async (file) => {
      await file.write('half of the');
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    },
    'save',
  );
  await expect(full).rejects.toMatchObject({
    code: 'ERR_BRAWN_FILE',
    message: expect.stringMatching(/^save: the disk that holds .*model is full/),
  });
  expect(await readFile(path, 'utf8')).toBe('old');
  expect(await readdir(folder)).toEqual(['model']);
});

it('says what to do about a missing folder and a folder in the way', async () => {
  await expect(writeFileAtomically(join(folder, 'no', 'file'), 'x', 'save')).rejects.toMatchObject({
    code: 'ERR_BRAWN_FILE',
    message: expect.stringMatching(/^save: folder .*no does not exist/),
  });
  await expect(writeFileAtomically(folder, 'x')).rejects.toMatchObject({ code: 'ERR_BRAWN_FILE' });
});

it('writes to devices instead of replacing them', async () => {
  await writeFileAtomically('/dev/null', 'gone');
  expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
});

it.runIf(process.platform === 'linux')('a device that is full: FileError', async () => {
  await expect(writeFileAtomically('/dev/full', 'x', 'save')).rejects.toMatchObject({
    code: 'ERR_BRAWN_FILE',
    message: 'save: the disk that holds /dev/full is full; free some space or choose another folder',
  });
  expect((await stat('/dev/full')).isCharacterDevice()).toBe(true);
});
