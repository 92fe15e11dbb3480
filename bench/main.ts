/**
 * `npm run bench`: native kernels against pure JavaScript. With `--json`, one JSON line per workload for comparison
 * with other runtimes: npm run --silent bench -- --json [--filter REGEX] [--threads N] [--seconds S]
 */
import { Command } from 'commander';
import { getThreads, setThreads } from '../src/index.js';
import { compareWithJavaScript } from './javascript.js';
import { measure } from './measure.js';
import { leastSeconds, measureMachine } from './roofline.js';
import { workloads } from './workloads.js';

interface Options {
  json?: boolean;
  filter: string;
  threads?: string;
  seconds: string;
}

async function printLines(filter: RegExp, seconds: number): Promise<void> {
  const machine = await measureMachine();
  const [gflops, gbytes] = [machine.flops, machine.bandwidth].map((rate) => Number((rate / 1e9).toFixed(1)));
  const threading = {
    dispatch_us: Number((machine.dispatch * 1e6).toFixed(2)),
    scaling: Number(machine.scaling.toFixed(2)),
  };
  console.log(JSON.stringify({ name: 'machine', threads: getThreads(), gflops, gbytes_per_s: gbytes, ...threading }));
  for (const [name, prepare] of workloads) {
    if (!filter.test(name)) continue;
    const prepared = await prepare();
    const { seconds: median, calls } = await measure(prepared, seconds);
    const { flop, items, explain } = prepared;
    const line = {
      name,
      threads: getThreads(),
      seconds: median,
      calls,
      gflops: flop && Number((flop / median / 1e9).toFixed(1)),
      items_per_s: items && Number((items / median).toFixed(1)),
      of_limit: explain && Number((leastSeconds(explain(), machine) / median).toFixed(3)),
    };
    console.log(JSON.stringify(line));
  }
}

const options = new Command('bench')
  .option('--json', 'one JSON line per workload')
  .option('--filter <regex>', 'only workloads whose name matches', '.')
  .option('--threads <n>', 'compute threads')
  .option('--seconds <s>', 'time for each workload', '2')
  .parse()
  .opts<Options>();

if (options.threads) setThreads(Number(options.threads));
const filter = new RegExp(options.filter);
if (options.json) await printLines(filter, Number(options.seconds));
else await compareWithJavaScript(filter, Number(options.seconds));
