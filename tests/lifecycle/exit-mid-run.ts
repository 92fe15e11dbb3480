/** Starts a run of some seconds and leaves while it goes on. */
import { compile, matmul, mul, randn, type Tensor } from '../../src/index.js';

const x = randn([1024, 1024]);
await x.data();
const program = compile((a: Tensor<'float32'>) => {
  let y = a;
  for (let i = 0; i < 500; i++) y = mul(matmul(y, a), 1e-3);
  return y;
});
void program(x);
setTimeout(() => {
  console.log('running');
  process.exit(7);
}, 100);
