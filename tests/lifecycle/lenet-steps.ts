/** A LeNet training run for lifecycle tests: same seed, same data, any thread count. */
import { compile, manualSeed, randn, type Tensor, tensor } from '../../src/index.js';
import { lenet } from '../../src/models/lenet.js';
import * as nn from '../../src/nn/index.js';
import * as optim from '../../src/optim/index.js';

export interface LenetRun {
  readonly model: nn.Module;
  /** One training step; gives the loss. */
  step(): Promise<number>;
}

/** A seeded LeNet with Adam on one fixed batch. */
export async function lenetRun(batch: number, seed = 1): Promise<LenetRun> {
  manualSeed(seed);
  const model = lenet();
  const optimizer = optim.adam(model.parameters(), { lr: 1e-3 });
  const train = compile((x: Tensor<'float32'>, y: Tensor<'int32'>) => {
    const loss = nn.crossEntropy(model.forward(x) as Tensor<'float32'>, y);
    optimizer.minimize(loss);
    return loss;
  });
  const x = randn([batch, 1, 28, 28]);
  await x.data();
  const y = tensor(Int32Array.from({ length: batch }, (_, i) => i % 10));
  return { model, step: async () => (await train(x, y)).item() };
}

/** All weights as one array of bytes. */
export async function weightsOf(model: nn.Module): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (const parameter of model.parameters()) {
    const data = await parameter.data();
    parts.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  }
  return Buffer.concat(parts);
}
