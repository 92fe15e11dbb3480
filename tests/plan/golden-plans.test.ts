/**
 * The compiled programs of whole models as text, at a small size. A refactoring leaves them unchanged; an optimization
 * shows its effect in their diff. Renew with: npx vitest run --project brawn tests/plan/golden-plans.test.ts -u
 */
import { expect, it } from 'vitest';
import { compile, type Tensor, zeros } from '../../src/index.js';
import { create, lenet } from '../../src/models/index.js';
import * as nn from '../../src/nn/index.js';
import * as optim from '../../src/optim/index.js';

type T = Tensor<'float32'>;

interface Case {
  readonly make: () => nn.Module<unknown>;
  readonly shape: readonly number[];
  /** Only the inference: the training step has thousands of lines. */
  readonly isLarge?: boolean;
}

const models: Record<string, Case> = {
  lenet: { make: lenet, shape: [2, 1, 28, 28] },
  mlp: { make: () => nn.sequential(nn.linear(8, 16), nn.tanh(), nn.linear(16, 3)), shape: [4, 8] },
  'conv-batchnorm': {
    make: () =>
      nn.sequential(
        nn.conv2d(3, 8, 3, { padding: 1, bias: false }),
        nn.batchNorm2d(8),
        nn.relu(),
        nn.conv2d(8, 8, 3, { padding: 1, stride: 2 }),
        nn.relu(),
        nn.adaptiveAvgPool2d(1),
        nn.flatten(),
        nn.linear(8, 4),
      ),
    shape: [2, 3, 8, 8],
  },
  alexnet: { make: () => create('alexnet'), shape: [2, 3, 63, 63] },
  vgg11: { make: () => create('vgg11'), shape: [2, 3, 32, 32] },
  googlenet: { make: () => create('googlenet'), shape: [2, 3, 64, 64], isLarge: true },
  resnet18: { make: () => create('resnet18'), shape: [2, 3, 64, 64], isLarge: true },
  resnet50: { make: () => create('resnet50'), shape: [2, 3, 64, 64], isLarge: true },
  resnet20: { make: () => create('resnet20'), shape: [2, 3, 32, 32], isLarge: true },
  highway11: { make: () => create('highway11'), shape: [2, 3, 32, 32] },
  squeezenet1_1: { make: () => create('squeezenet1_1'), shape: [2, 3, 64, 64] },
  mobilenet_v2: { make: () => create('mobilenet_v2'), shape: [2, 3, 64, 64], isLarge: true },
};

for (const [name, { make, shape, isLarge }] of Object.entries(models)) {
  it(`inference of ${name}`, async () => {
    const model = make().eval();
    const infer = compile((x: T) => model.forward(x));
    await expect(`${infer.explain(zeros(shape)).passes.memory}\n`).toMatchFileSnapshot(`golden/${name}-inference.txt`);
  });

  if (isLarge) continue;
  it(`training step of ${name}`, async () => {
    const model = make();
    const optimizer = optim.sgd(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const step = compile((x: T, y: Tensor<'int32'>) => {
      const loss = nn.crossEntropy(model.forward(x) as T, y);
      optimizer.minimize(loss);
      return loss;
    });
    const labels = zeros([shape[0]], { dtype: 'int32' });
    await expect(`${step.explain(zeros(shape), labels).passes.memory}\n`).toMatchFileSnapshot(
      `golden/${name}-training.txt`,
    );
  });
}
