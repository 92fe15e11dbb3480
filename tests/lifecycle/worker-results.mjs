/** A worker thread that computes large results one after the other until it is terminated. */
import { parentPort } from 'node:worker_threads';
import { register } from 'tsx/esm/api';

register();
const b = await import('../../src/index.ts');
const fill = b.compile((x) => b.exp(b.expand(x, [1_500_001])));
parentPort.postMessage('running');
for (;;) await fill(b.tensor([7]));
