/**
 * A training that gets killed: `killed.ts FOLDER EPOCHS` goes on from what is in the folder, tells of each step, and at the end
 * prints the hash of weights and state of the optimizer.
 */
import { createHash } from 'node:crypto';
import * as optim from '../../src/optim/index.js';
import { fit } from '../../src/train/index.js';
import { smallData, smallModel } from './small.js';

const [folder, epochs] = process.argv.slice(2);
const model = smallModel();
const optimizer = optim.adamW(model.parameters(), { lr: 0.01 });
await fit(model, smallData(), {
  epochs: Number(epochs),
  optimizer,
  folder,
  resume: true,
  checkpoints: { everySteps: 3 },
  progress: 'none',
  callbacks: [{ onStep: ({ globalStep }) => void process.stdout.write(`${globalStep}\n`) }],
});
const hash = createHash('sha256');
const tensors = { ...model.stateDict(), ...optimizer.stateDict().state };
for (const name of Object.keys(tensors).sort())
  hash.update(name).update(new Uint8Array((await tensors[name].data()).buffer));
process.stdout.write(`hash ${hash.digest('hex')}\n`);
