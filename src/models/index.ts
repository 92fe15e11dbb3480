/** brawn/models: networks by name. */
export { lenet } from './lenet.js';
export { resnetCifar } from './resnet-cifar.js';
