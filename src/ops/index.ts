/** Every op that users call. */
export { cast } from './cast.js';
export { add, greater, mul, relu, where } from './elementwise.js';
export { matmul } from './matmul.js';
export { sum } from './reduce.js';
