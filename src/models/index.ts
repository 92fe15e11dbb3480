/** brawn/models: networks by name. */
export { AlexNet, type AlexNetOptions, alexnet } from './alexnet.js';
export { type CellKind, CharRnn, type CharRnnOptions, charRnn, loadCharRnn } from './char-rnn.js';
export { GoogLeNet, type GoogLeNetOptions, type GoogLeNetOutput, googlenet } from './googlenet.js';
export { HighwayCifar, type HighwayCifarOptions, highwayCifar } from './highway.js';
export { type LeNetOptions, lenet, lenet5 } from './lenet.js';
export { type MobileNetOptions, MobileNetV2, mobilenetV2 } from './mobilenet.js';
export { type CreateOptions, create, info, list, type ModelInfo, type ModelName } from './registry.js';
export {
  ResNet,
  type ResNetOptions,
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
} from './resnet.js';
export { CifarResNet, resnetCifar } from './resnet-cifar.js';
export { SqueezeNet, type SqueezeNetOptions, squeezenet } from './squeezenet.js';
export { Vgg, type VggOptions, vgg11, vgg13, vgg16, vgg19 } from './vgg.js';
