/** What a worker thread of `workers.ts` runs: imports the module it is told of and answers calls one by one. */
import { parentPort, workerData } from 'node:worker_threads';
import { ArgumentError } from '../errors.js';
import type { HostSample } from './host.js';
import type { Visit } from './sample.js';
import type { Reply } from './workers.js';

type HostMap = (sample: HostSample, visit: Visit, data: unknown) => HostSample | undefined | Promise<HostSample>;

const { url, name, data } = workerData as { readonly url: string; readonly name: string; readonly data: unknown };

async function load(): Promise<HostMap> {
  const loaded = (await import(url)) as Record<string, unknown>;
  if (typeof loaded[name] !== 'function') throw new ArgumentError(`inWorkers: ${url} exports no function ${name}`);
  return loaded[name] as HostMap;
}

const map = load();
map.catch(() => {});

parentPort?.on('message', async ({ sample, visit }: { readonly sample: HostSample; readonly visit: Visit }) => {
  let reply: Reply;
  try {
    reply = { sample: await (await map)(sample, visit, data) };
  } catch (error) {
    reply = { error: error instanceof Error ? error : new Error(String(error)) };
  }
  parentPort?.postMessage(reply);
});
