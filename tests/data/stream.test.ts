/** Streams: orders, bounded memory, failures, and loops that are left early; CSV and NDJSON on top of them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { csv, fromGenerator, ndjson, Rng, type Stream } from '../../src/data/index.js';
import { tensor } from '../../src/index.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brawn-rows-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function put(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

async function list<T>(items: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = [];
  for await (const item of items) out.push(item);
  return out;
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await turn();
};

/** Numbers below `end`, with a count of how many were made and whether the generator was closed. */
function watched(end: number) {
  const state = { made: 0, closed: 0 };
  const stream = fromGenerator(async function* () {
    try {
      for (let i = 0; i < end; i++) {
        state.made++;
        yield i;
        await turn();
      }
    } finally {
      state.closed++;
    }
  });
  return { state, stream };
}

describe('Stream', () => {
  it('takes, skips, filters, maps and repeats', async () => {
    const ten = fromGenerator(() => range(0, 10));
    expect(await list(ten)).toEqual(range(0, 10));
    expect(await list(ten.skip(2).take(3))).toEqual([2, 3, 4]);
    expect(await list(ten.filter((n) => n % 3 === 0).map((n) => n * 2))).toEqual([0, 6, 12, 18]);
    expect(await list(ten.take(2).repeat(3))).toEqual([0, 1, 0, 1, 0, 1]);
    expect(await list(ten.take(3).repeat().take(7))).toEqual([0, 1, 2, 0, 1, 2, 0]);
    expect(await list(ten.take(0).repeat())).toEqual([]);
    expect(await list(ten.prefetch(3))).toEqual(range(0, 10));
  });

  it('shuffles in a bounded buffer, by seed and epoch', async () => {
    const many = () => fromGenerator(() => range(0, 200)).shuffle({ seed: 4, buffer: 16 });
    const stream = many();
    const [first, second] = [await list(stream), await list(stream)];
    expect(await list(many())).toEqual(first);
    expect(second).not.toEqual(first);
    expect([...first].sort((a, b) => a - b)).toEqual(range(0, 200));
    for (const [place, n] of first.entries()) expect(n - place).toBeLessThanOrEqual(16);
    const { state, stream: source } = watched(1000);
    for await (const _ of source.shuffle({ buffer: 10 })) break;
    expect(state.made).toBeLessThanOrEqual(12);
  });

  it('maps several at once in order, and not more', async () => {
    let [now, most] = [0, 0];
    const { stream } = watched(40);
    const mapped = stream.map(
      async (n) => {
        most = Math.max(most, ++now);
        await turns(8 + ((n * 5) % 7));
        now--;
        return n === 7 ? undefined : n;
      },
      { concurrency: 5 },
    );
    expect(await list(mapped)).toEqual(range(0, 40).filter((n) => n !== 7));
    expect(most).toBe(5);
  });

  it('a loop that is left early stops prefetching and closes the source, without unhandled rejections', async () => {
    const changes: ((stream: Stream<number>) => AsyncIterable<unknown>)[] = [
      (stream) => stream.prefetch(4),
      (stream) => stream.map(async (n) => n, { concurrency: 4 }),
      (stream) =>
        stream
          .map((n) => ({ n: tensor(n) }))
          .batch(2)
          .prefetch(2),
    ];
    for (const change of changes) {
      const { state, stream } = watched(1000);
      for await (const _ of change(stream)) break;
      await turns(30);
      const { made } = state;
      expect(made).toBeLessThanOrEqual(10);
      expect(state.closed).toBe(1);
      await turns(30);
      expect(state.made).toBe(made);
    }
    const failing = fromGenerator(async function* () {
      yield 0;
      await turn();
      throw new Error('unheard');
    });
    for await (const _ of failing.prefetch(4)) break;
    await turns(10);
  });

  it('a source that hangs does not hold a consumer that leaves', async () => {
    const hanging = fromGenerator(async function* () {
      yield 1;
      await new Promise(() => {});
    });
    for await (const n of hanging.prefetch(2)) {
      expect(n).toBe(1);
      await turns(3);
      break;
    }
  });

  it('a generator that throws ends the loop with its error, after what came before; or is skipped and reported', async () => {
    const failing = () =>
      fromGenerator(function* () {
        yield* [1, 2, 3];
        throw new Error('no more');
      });
    for (const stream of [failing(), failing().prefetch(2), failing().map((n) => n, { concurrency: 3 })]) {
      const seen: number[] = [];
      const loop = async () => {
        for await (const n of stream) seen.push(n);
      };
      await expect(loop()).rejects.toThrow('no more');
      expect(seen).toEqual([1, 2, 3]);
    }
    const told: string[] = [];
    const skipping = failing().onError('skip', ({ what }) => told.push(what));
    expect(await list(skipping)).toEqual([1, 2, 3]);
    expect(told).toEqual(['the generator after 3 items']);
    expect(skipping.skipped[0].error.message).toBe('no more');
    expect(() => failing().onError('ignore' as never)).toThrow(/onError must be 'throw' or 'skip'/);
  });

  it('failures of map are skipped one by one', async () => {
    const odd = fromGenerator(() => range(0, 9)).map(
      async (n) => {
        if (n % 4 === 2) throw new Error(`not ${n}`);
        return n;
      },
      { concurrency: 3 },
    );
    await expect(list(odd)).rejects.toThrow('not 2');
    const skipping = odd.onError('skip');
    expect(await list(skipping)).toEqual([0, 1, 3, 4, 5, 7, 8]);
    expect(skipping.skipped.map(({ what }) => what)).toEqual(['item 2', 'item 6']);
  });

  it('batches restore their position in any epoch', async () => {
    const made = () =>
      fromGenerator((epoch) => range(epoch * 100, epoch * 100 + 11))
        .shuffle({ seed: 1, buffer: 4 })
        .map((n, { epoch, index }) => ({ n: tensor(n + new Rng(epoch, index).int(2) / 2) }))
        .batch(3);
    const numbers = async (batches: AsyncIterable<{ readonly n: { toArray(): Promise<unknown> } }>) =>
      Promise.all((await list(batches)).map(({ n }) => n.toArray()));
    const whole = made();
    const [first, second] = [await numbers(whole), await numbers(whole)];
    expect(first.map((batch) => (batch as number[]).length)).toEqual([3, 3, 3, 2]);
    expect(await numbers(made().from(1, 2))).toEqual(second.slice(2));
    const again = made().prefetch(2);
    again.restore({ epoch: 0, step: 3 });
    expect([await numbers(again), await numbers(again)]).toEqual([first.slice(3), second]);
    expect(await made().steps()).toBeUndefined();
  });

  it('can be kept in memory as a data set', async () => {
    const data = fromGenerator(() => range(0, 6))
      .map((n) => ({ n: tensor(n) }))
      .inMemory();
    expect(await data.length()).toBe(6);
    const [train, test] = data.split([0.5, 0.5], { shuffle: false });
    for await (const { n } of train.batch(3)) expect(await n.toArray()).toEqual([0, 1, 2]);
    for await (const { n } of test.batch(3)) expect(await n.toArray()).toEqual([3, 4, 5]);
  });
});

describe('csv', () => {
  it('reads quotes, line breaks, other delimiters and compressed files', async () => {
    const text = '\uFEFFname,note\r\nA,"one, two"\r\nB,"line\nbreak ""x"""\r\n\r\n';
    const rows = [
      { name: 'A', note: 'one, two' },
      { name: 'B', note: 'line\nbreak "x"' },
    ];
    expect(await list(csv(await put('a.csv', text)))).toEqual(rows);
    expect(await list(csv(await put('a.csv.gz', gzipSync(text))))).toEqual(rows);
    const plain = csv(await put('b.tsv', '1\t2\n3\t4\n'), { delimiter: '\t', columns: ['x', 'y'] });
    const samples = plain.map(({ x, y }) => ({ x: tensor([Number(x)]), y: tensor(Number(y)) }));
    for await (const { x, y } of samples.batch(2))
      expect([await x.toArray(), await y.toArray()]).toEqual([
        [[1], [3]],
        [2, 4],
      ]);
  });

  it('throws at a bad row, or leaves it out and says where it was', async () => {
    const path = await put('bad.csv', 'a,b\n1,2\n3\n4,5\n6,7,8\n9,10\n');
    await expect(list(csv(path))).rejects.toThrow(/csv: .*bad\.csv:3: /);
    const rows = csv(path).onError('skip');
    expect((await list(rows)).map(({ a }) => a)).toEqual(['1', '4', '9']);
    expect(rows.skipped.map(({ what }) => what.replace(/.*:/, ''))).toEqual(['3', '5']);
    expect(rows.skipped[0].error).toMatchObject({ code: 'ERR_BRAWN_FORMAT' });
    const open = csv(await put('open.csv', 'a,b\n1,2\n3,"4\n5,6\n')).onError('skip');
    expect(await list(open)).toEqual([{ a: '1', b: '2' }]);
    expect(open.skipped).toHaveLength(1);
    await expect(list(csv(join(folder, 'open.csv')))).rejects.toThrow(/csv: .*open\.csv.*quote/i);
  });

  it('a missing file, a truncated .gz and a loop that is left early end cleanly', async () => {
    await expect(list(csv(join(folder, 'none.csv')))).rejects.toThrow(/csv: .*none\.csv does not exist/);
    const lines = range(0, 20_000).map((n) => `${n},${(n * 7919) % 10007}`);
    const zipped = gzipSync(`a,b\n${lines.join('\n')}\n`);
    const path = await put('cut.csv.gz', zipped.subarray(0, zipped.length >> 1));
    await expect(list(csv(path))).rejects.toThrow(/csv: .*cut\.csv\.gz is a damaged or truncated gzip file/);
    const skipping = csv(path).onError('skip');
    expect((await list(skipping)).length).toBeGreaterThan(0);
    expect(skipping.skipped).toHaveLength(1);
    for await (const _ of csv(await put('long.csv.gz', zipped))) break;
  });
});

describe('ndjson', () => {
  it('reads values line by line, in pieces, compressed or not', async () => {
    const values = range(0, 3000).map((n) => ({ n, text: `“${'é'.repeat(n % 50)}”` }));
    const text = values.map((value) => JSON.stringify(value)).join('\n');
    expect(await list(ndjson(await put('a.ndjson', text)))).toEqual(values);
    expect(await list(ndjson(await put('a.ndjson.gz', gzipSync(`${text}\r\n\n`))))).toEqual(values);
  });

  it('throws at a bad line, or leaves it out and says where it was', async () => {
    const path = await put('bad.ndjson', '{"a":1}\n{"a":\n\n[2]\nnope');
    await expect(list(ndjson(path))).rejects.toThrow(/ndjson: .*bad\.ndjson:2: /);
    const rows = ndjson(path).onError('skip');
    expect(await list(rows)).toEqual([{ a: 1 }, [2]]);
    expect(rows.skipped.map(({ what }) => what.replace(/.*:/, ''))).toEqual(['2', '5']);
    await expect(list(ndjson(folder))).rejects.toThrow(/is a folder/);
  });
});
