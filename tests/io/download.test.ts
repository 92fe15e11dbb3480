/** Downloads against a server of our own: mirrors, resuming, damage, redirects, proxies. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FileFormatError } from '../../src/index.js';
import { download } from '../../src/io/download.js';
import { proxyFor } from '../../src/io/proxy.js';

const content = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) % 251));

/** Of data.example, signed by itself; good for nothing else. */
const kCertificate = `-----BEGIN CERTIFICATE-----
MIIBhTCCASugAwIBAgIUYJQODC/sAoVHomP2j3Qyg7eOm6kwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMZGF0YS5leGFtcGxlMCAXDTI2MTEyNDA2NTMyNVoYDzIxMjYx
MDMxMDY1MzI1WjAXMRUwEwYDVQQDDAxkYXRhLmV4YW1wbGUwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAASbTglTpwCRzdfvcm29DgGeWVyTWhMh4/XMUM2fhE0ItUUv
W5ZRQjsDw9GtUORluRFtD3AKOVYzSrrCPhM1AF9Ao1MwUTAdBgNVHQ4EFgQUSnRB
gs9Pq+C8AX+lhV+uP1GjmdgwHwYDVR0jBBgwFoAUSnRBgs9Pq+C8AX+lhV+uP1Gj
mdgwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiANRv2frle0Xl8E
66yGa1CD/g4Dh/AACYA4Ln5u/A0QYQIhAPMhAkhlUPk55Bsx1a1bCj2Q5mrmIqf0
/H1nbVGNksF3
-----END CERTIFICATE-----`;
const kKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg0NnqP27QyObTCxDQ
hq0n9Fbb7h2+o8PBsk6aabU98zihRANCAASbTglTpwCRzdfvcm29DgGeWVyTWhMh
4/XMUM2fhE0ItUUvW5ZRQjsDw9GtUORluRFtD3AKOVYzSrrCPhM1AF9A
-----END PRIVATE KEY-----`;

type Handler = (request: IncomingMessage, response: ServerResponse, log: IncomingMessage[]) => void;

let folder: string;
let to: string;
const servers: Server[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brawn-download-'));
  to = join(folder, 'deep', 'file.bin');
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'])
    for (const spelling of [name, name.toLowerCase()]) vi.stubEnv(spelling, '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  await rm(folder, { recursive: true });
});

/** A server on a free port; gives its address and what it was asked. */
async function serve(handler: Handler): Promise<{ url: string; log: IncomingMessage[]; server: Server }> {
  const log: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    log.push(request);
    handler(request, response, log);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/file.bin`, log, server };
}

/** Sends the content, or the range that is asked for. */
const file: Handler = (request, response) => {
  const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (start >= content.length) return void response.writeHead(416).end();
  const headers: Record<string, string | number> = { 'content-length': content.length - start };
  if (start > 0) headers['content-range'] = `bytes ${start}-${content.length - 1}/${content.length}`;
  response.writeHead(start > 0 ? 206 : 200, headers).end(content.subarray(start));
};

async function verify(path: string): Promise<void> {
  if (!(await readFile(path)).equals(content)) throw new FileFormatError('checksum differs');
}

const get = (...urls: string[]) => download({ urls, to, verify, idleTimeout: 2000 });

describe('download', () => {
  it('makes the folder, checks the content and tells of its progress', async () => {
    const { url } = await serve(file);
    const progress: (number | undefined)[][] = [];
    await download({ urls: [url], to, verify, onProgress: (...seen) => progress.push(seen) });
    expect((await readFile(to)).equals(content)).toBe(true);
    expect(progress.at(-1)).toEqual([content.length, content.length]);
    expect(await readdir(join(folder, 'deep'))).toEqual(['file.bin']);
  });

  it('resumes after the connection breaks', async () => {
    const { url, log } = await serve((request, response, all) => {
      if (all.length > 1) return file(request, response, all);
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 40_000), () => setTimeout(() => response.destroy(), 50));
    });
    await get(url);
    expect(log.map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=40000-']);
    expect((await readFile(to)).equals(content)).toBe(true);
  });

  it('goes on with what an earlier process has left, also when that was all of it', async () => {
    for (const length of [10, content.length]) {
      to = join(folder, `left-${length}`);
      await writeFile(`${to}.part`, content.subarray(0, length));
      const { url, log } = await serve(file);
      await get(url);
      expect(log[0].headers.range).toBe(`bytes=${length}-`);
      expect((await readFile(to)).equals(content)).toBe(true);
    }
  });

  it('starts anew when the server ignores the range', async () => {
    to = join(folder, 'anew');
    await writeFile(`${to}.part`, 'xx');
    const { url } = await serve((_, response) => void response.end(content));
    await get(url);
    expect((await readFile(to)).equals(content)).toBe(true);
  });

  it('starts anew once when what was resumed turns out to be wrong', async () => {
    to = join(folder, 'wrong');
    await writeFile(`${to}.part`, Buffer.alloc(1000, 1));
    const { url, log } = await serve(file);
    await get(url);
    expect(log.map(({ headers }) => headers.range)).toEqual(['bytes=1000-', undefined]);
    expect((await readFile(to)).equals(content)).toBe(true);
  });

  it('goes on to the next mirror, and lists all when none works', async () => {
    const missing = await serve((_, response) => void response.writeHead(404).end());
    const damaged = await serve((_, response) => void response.end('other'));
    const silent = await serve(() => undefined);
    const good = await serve(file);
    await get(missing.url, damaged.url, good.url);
    expect((await readFile(to)).equals(content)).toBe(true);
    to = join(folder, 'none');
    const urls = [missing.url, damaged.url, silent.url, 'http://127.0.0.1:1/'];
    const failure = await download({ urls, to, verify, idleTimeout: 200 }).catch((error) => error);
    expect(failure.code).toBe('ERR_BRAWN_FILE');
    expect(failure.message).toMatch(/404.*checksum differs.*no answer for 0.2 s.*ECONNREFUSED/s);
    expect(await readdir(folder)).toEqual(['deep']);
  });

  it('follows redirects, but not for ever', async () => {
    const good = await serve(file);
    const moved = await serve((_, response) => void response.writeHead(302, { location: good.url }).end());
    await get(moved.url);
    const circle = await serve((request, response) => void response.writeHead(302, { location: request.url }).end());
    await expect(get(circle.url)).rejects.toThrow(/more than 5 redirects/);
  });

  it('stops when aborted and keeps what has arrived', async () => {
    const { url } = await serve((_, response) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 5000));
    });
    const control = new AbortController();
    const onProgress = (received: number) => received >= 5000 && control.abort(new Error('enough'));
    await expect(download({ urls: [url], to, verify, onProgress, signal: control.signal })).rejects.toThrow('enough');
    expect(await readdir(join(folder, 'deep'))).toEqual(['file.bin.part']);
  });
});

describe('proxies', () => {
  it('plain requests go through HTTP_PROXY with credentials, unless NO_PROXY names the host', async () => {
    const origin = await serve(file);
    const proxy = await serve(file);
    const address = proxy.url.replace('http://', 'http://me:p%40ss@').replace('/file.bin', '');
    vi.stubEnv('HTTP_PROXY', address);
    await get('http://data.example/file.bin');
    expect(proxy.log[0].url).toBe('http://data.example/file.bin');
    expect(proxy.log[0].headers.host).toBe('data.example');
    expect(proxy.log[0].headers['proxy-authorization']).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
    vi.stubEnv('NO_PROXY', 'localhost, 127.0.0.1');
    to = join(folder, 'direct');
    await get(origin.url);
    expect(origin.log.length).toBe(1);
    expect(proxy.log.length).toBe(1);
  });

  it('secure requests open a tunnel; a refusal is told', async () => {
    const proxy = await serve(() => undefined);
    const asked: string[] = [];
    proxy.server.on('connect', (request: IncomingMessage, socket) => {
      asked.push(request.url as string);
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    });
    vi.stubEnv('https_proxy', proxy.url);
    await expect(get('https://data.example/file.bin')).rejects.toThrow(/proxy 127.0.0.1:\d+ answered 407/);
    expect(asked).toEqual(['data.example:443']);
  });

  it('secure requests run through the tunnel', async () => {
    const origin = createSecureServer({ key: kKey, cert: kCertificate }, (_, response) => response.end('never seen'));
    await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
    const proxy = await serve(() => undefined);
    proxy.server.on('connect', (_, socket) => {
      const onward = connect((origin.address() as AddressInfo).port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        onward.pipe(socket).pipe(onward);
      });
    });
    vi.stubEnv('HTTPS_PROXY', proxy.url);
    // Nobody vouches for the certificate, so that far is as far as it must get.
    await expect(get('https://data.example/file.bin')).rejects.toThrow(/self-signed certificate/);
    origin.close();
  });

  it('NO_PROXY takes hosts, domains, ports and *', () => {
    const uses = (url: string, list: string) =>
      proxyFor(new URL(url), { HTTPS_PROXY: 'proxy:3128', NO_PROXY: list }) !== undefined;
    expect(uses('https://a.example/', '')).toBe(true);
    expect(uses('https://a.example/', '*')).toBe(false);
    expect(uses('https://a.example/', 'b.example,.example')).toBe(false);
    expect(uses('https://a.example/', 'xample')).toBe(true);
    expect(uses('https://a.example/', 'a.example:8443')).toBe(true);
    expect(uses('https://a.example:8443/', 'a.example:8443')).toBe(false);
    expect(proxyFor(new URL('http://a/'), { HTTPS_PROXY: 'http://p' })).toBeUndefined();
    expect(proxyFor(new URL('http://a/'), { ALL_PROXY: 'http://p' })?.hostname).toBe('p');
    expect(() => proxyFor(new URL('http://a/'), { HTTP_PROXY: 'socks5://p' })).toThrow(/no http or https proxy/);
  });
});
