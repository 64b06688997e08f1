/** The HTTP API as the demo uses it: plain fetch, the way a CI job would. */

export interface DemoApi {
  readonly get: <T>(path: string) => Promise<T>;
  /** a POST without a key of its own gets none: it must be harmless to repeat */
  readonly post: <T>(path: string, body: unknown, idempotencyKey?: string) => Promise<T>;
  readonly upload: <T>(path: string, content: Buffer) => Promise<T>;
}

const TIMEOUT_MS = 30_000;

/** Every refusal is thrown as one sentence with the complaints of the problem document. */
export function demoApi(options: { readonly url: string; readonly token: string; readonly signal: AbortSignal }): DemoApi {
  async function call<T>(method: string, path: string, headers: Record<string, string>, body?: string | Uint8Array<ArrayBuffer>): Promise<T> {
    const response = await fetch(`${options.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${options.token}`, ...headers },
      signal: AbortSignal.any([options.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} was refused with ${response.status}: ${complaintsOf(text)}`);
    return JSON.parse(text) as T;
  }
  const json = { 'content-type': 'application/json' };
  return {
    get: (path) => call('GET', path, {}),
    post: (path, body, key) => call('POST', path, { ...json, ...(key === undefined ? {} : { 'idempotency-key': key }) }, JSON.stringify(body)),
    upload: (path, content) => call('PUT', path, { 'content-type': 'application/octet-stream' }, new Uint8Array(content)),
  };
}

interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly errors?: readonly { readonly pointer?: string; readonly message?: string; readonly detail?: string }[];
}

function complaintsOf(text: string): string {
  try {
    const problem = JSON.parse(text) as Problem;
    const details = (problem.errors ?? []).map((error) => `${error.pointer ?? ''} ${error.message ?? error.detail ?? ''}`.trim());
    return [problem.detail ?? problem.title ?? '', ...details].filter((part) => part !== '').join('; ');
  } catch {
    return text.slice(0, 300);
  }
}
