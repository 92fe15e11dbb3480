/** brawn/models: networks by name. */
export { type LeNetOptions, lenet } from './lenet.js';
export { resnetCifar } from './resnet-cifar.js';
