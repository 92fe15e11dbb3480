/** A worker thread that trains and reports a hash of its weights. */
import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { register } from 'tsx/esm/api';

register();
const { lenetRun, weightsOf } = await import('./lenet-steps.ts');
const { model, step } = await lenetRun(8);
for (let i = 0; i < workerData.steps; i++) await step();
parentPort.postMessage(
  createHash('sha256')
    .update(await weightsOf(model))
    .digest('hex'),
);
