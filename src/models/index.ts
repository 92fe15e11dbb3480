/** brawn/models: networks by name. */
export { lenet } from './lenet.js';
