/**
 * HTTP requests that honour the proxy variables of the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, in
 * either case), which Node's own `fetch` ignores. `download.ts` is built on it.
 */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { FileError } from '../errors.js';

type Environment = Readonly<Record<string, string | undefined>>;

function variable(env: Environment, name: string): string {
  return env[name.toLowerCase()] || env[name.toUpperCase()] || '';
}

const portOf = (url: URL): string => url.port || (url.protocol === 'https:' ? '443' : '80');

/** Whether NO_PROXY names the host: `*`, a host, a domain with everything below it, each with an optional port. */
function isExempt(url: URL, list: string): boolean {
  const host = url.hostname.toLowerCase();
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean)
    .some((entry) => {
      if (entry === '*') return true;
      const [, name, port] = /^(.*?)(?::(\d+))?$/.exec(entry) as RegExpExecArray;
      const domain = name.replace(/^\*?\./, '');
      return (port === undefined || port === portOf(url)) && (host === domain || host.endsWith(`.${domain}`));
    });
}

/** The proxy that the environment wants for `url`. Throws a FileError for one that is not http or https. */
export function proxyFor(url: URL, env: Environment = process.env): URL | undefined {
  const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const value = variable(env, name) || variable(env, 'ALL_PROXY');
  if (!value || isExempt(url, variable(env, 'NO_PROXY'))) return undefined;
  const text = value.includes('://') ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy?.protocol !== 'http:' && proxy?.protocol !== 'https:')
    throw new FileError(`download: ${name}=${value} is no http or https proxy; set it like http://host:port`);
  return proxy;
}

function credentials(proxy: URL): Record<string, string> {
  if (!proxy.username) return {};
  const text = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(text).toString('base64')}` };
}

/** What a request may be given. */
export interface GetOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Milliseconds without a byte after which the connection is given up. */
  readonly idleTimeout: number;
}

function respond(url: URL, options: RequestOptions, idleTimeout: number): Promise<IncomingMessage> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(options, resolve);
    request.setTimeout(idleTimeout, () => request.destroy(new Error(`no answer for ${idleTimeout / 1000} s`)));
    request.on('error', reject);
    request.end();
  });
}

/** A connection to `url`'s host through the proxy (HTTP CONNECT). */
function tunnel(url: URL, proxy: URL, { signal, idleTimeout }: GetOptions): Promise<Socket> {
  const target = `${url.hostname}:${portOf(url)}`;
  const send = proxy.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send({
      host: proxy.hostname,
      port: portOf(proxy),
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...credentials(proxy) },
      agent: false,
      signal,
    });
    request.setTimeout(idleTimeout, () => request.destroy(new Error(`no answer from the proxy ${proxy.host}`)));
    request.on('error', (error) => reject(new Error(`proxy ${proxy.host}: ${error.message}`, { cause: error })));
    request.on('connect', (response, socket) => {
      if (response.statusCode === 200) resolve(socket as Socket);
      else {
        socket.destroy();
        reject(new Error(`proxy ${proxy.host} answered ${response.statusCode} ${response.statusMessage}`));
      }
    });
    request.end();
  });
}

async function getOnce(url: URL, options: GetOptions): Promise<IncomingMessage> {
  const { signal, idleTimeout } = options;
  const headers = { host: url.host, 'accept-encoding': 'identity', 'user-agent': 'brawn', ...options.headers };
  const common = { headers, signal, agent: false as const };
  const proxy = proxyFor(url);
  if (!proxy) {
    const path = `${url.pathname}${url.search}`;
    return respond(url, { ...common, host: url.hostname, port: portOf(url), path }, idleTimeout);
  }
  if (url.protocol === 'http:') {
    const path = url.href;
    const through = { ...common, host: proxy.hostname, port: portOf(proxy), path };
    return respond(proxy, { ...through, headers: { ...headers, ...credentials(proxy) } }, idleTimeout);
  }
  const socket = await tunnel(url, proxy, options);
  const secure = tlsConnect({ socket, servername: url.hostname });
  const path = `${url.pathname}${url.search}`;
  // Only without an agent is the connection taken that is given.
  return respond(url, { ...common, agent: undefined, path, createConnection: () => secure }, idleTimeout);
}

const kMaxRedirects = 5;

/** A GET request, redirects followed; the body is still to be read. Rejects when there is no answer. */
export async function get(address: string, options: GetOptions): Promise<IncomingMessage> {
  let url = new URL(address);
  for (let redirects = 0; ; redirects++) {
    const response = await getOnce(url, options);
    const { statusCode = 0, headers } = response;
    if (statusCode < 300 || statusCode >= 400 || headers.location === undefined) return response;
    response.destroy();
    if (redirects === kMaxRedirects) throw new Error(`more than ${kMaxRedirects} redirects`);
    url = new URL(headers.location, url);
  }
}
