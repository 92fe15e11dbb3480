/** What trainings of images and of text share: settings that a run folder keeps, folders, curves, interruptions. */
import { existsSync } from 'node:fs';
import { access, constants, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { ArgumentError, FileFormatError } from '../errors.js';
import { fileError } from '../io/file-errors.js';
import { writeFileAtomically } from '../io/index.js';
import { drawCurves } from '../train/index.js';
import type { Reporter } from './report.js';

/** Where a training reads and writes. */
export interface TrainFolders {
  readonly data?: string;
  /** Folder for the model, and the picture if there is one. */
  readonly out: string;
  /** Folder for metrics, checkpoints and curves. */
  readonly run?: string;
  /** Such a folder to go on with. */
  readonly resume?: string;
  readonly signal?: AbortSignal;
}

/** How often a run folder gets a checkpoint within an epoch. */
export const kCheckpointSteps = 200;

/** Makes the folder, and throws a FileError unless files can be written there. */
export async function checkWritable(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (error) {
    throw fileError(error, 'train', folder);
  }
}

type Settings = Readonly<Record<string, unknown>>;

/**
 * The recipe's usual settings, changed by what was given; those of the run folder when it is resumed, and then nothing
 * may differ from them.
 */
export async function settle<S extends object>(
  name: string,
  usual: S,
  given: Partial<S>,
  resume: string | undefined,
): Promise<S> {
  const kept = resume === undefined ? undefined : await readConfig(resume);
  if (kept && kept.recipe !== name)
    throw new ArgumentError(`train: ${resume} is a training of ${kept.recipe}, not of ${name}; resume it as that`);
  const settings: Record<string, unknown> = {};
  for (const key of Object.keys(usual)) {
    const value = (given as Settings)[key] ?? kept?.[key] ?? (usual as Settings)[key];
    if (kept && value !== kept[key])
      throw new ArgumentError(
        `train: ${resume} was started with ${key} ${kept[key]}, which cannot become ${value} when it is resumed`,
      );
    settings[key] = value;
  }
  return settings as S;
}

/** The settings that a run folder was started with. */
export async function readConfig(folder: string): Promise<Settings> {
  const file = path.join(folder, 'config.json');
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw fileError(error, 'train', file);
  });
  try {
    return JSON.parse(text) as Settings;
  } catch (error) {
    throw new FileFormatError(`train: ${file} is no JSON`, { cause: error });
  }
}

/** Makes a run folder that can be resumed however early training is killed. */
export async function startRun(folder: string, config: object): Promise<void> {
  const file = path.join(folder, 'config.json');
  if (existsSync(file))
    throw new ArgumentError(
      `train: ${folder} holds a training already; go on with it by --resume ${folder}, or give another folder`,
    );
  await checkWritable(folder);
  await writeFileAtomically(file, `${JSON.stringify(config, null, 2)}\n`, 'train');
}

/** Curves of the run folder; a missing package is told and is no failure, since the training is done. */
export async function drawRun({ run, resume }: TrainFolders, reporter: Reporter): Promise<void> {
  const folder = resume ?? run;
  if (folder === undefined) return;
  try {
    for (const file of await drawCurves(folder)) reporter.report({ event: 'file', kind: 'curves', path: file });
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    console.error(`no curves: ${error.message}`);
  }
}
