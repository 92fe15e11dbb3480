/** brawn/models: networks by name. */
export { type LeNetOptions, lenet } from './lenet.js';
export { type ResNetOptions, resnet18 } from './resnet.js';
export { resnetCifar } from './resnet-cifar.js';
