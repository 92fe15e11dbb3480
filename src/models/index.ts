/** brawn/models: networks by name. */
export { type CellKind, CharRnn, type CharRnnOptions, charRnn, loadCharRnn } from './char-rnn.js';
export { type LeNetOptions, lenet } from './lenet.js';
export { type ResNetOptions, resnet18 } from './resnet.js';
export { resnetCifar } from './resnet-cifar.js';
