/**
 * Text that would do harm in a shell, a path, a terminal or an option list. Where a free text is legitimate it is stored as it is and
 * reaches the process as one word; everywhere else, and when it is no line of text at all, it is refused where it stands.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runConfiguration } from '../../activities/run-configuration.ts';
import { getInventoryOf } from '../../db/queries.ts';
import { install, makeBench, step } from '../host/host-bench.ts';
import { until } from '../support/until.ts';
import { startApiUnderTest, pointers } from './api-under-test.ts';
import { APPLICATION, FLEET, POOL, RELEASE, STRATEGY, host, packageOf } from './samples.ts';
import type { ApiUnderTest, Answered } from './api-under-test.ts';

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApiUnderTest();
  await api.ask('POST', '/v1/apply', { body: { documents: FLEET } });
});

afterAll(() => api.close());

/** Harmless as long as nobody lets a shell, a path or an option parser read them. */
const FREE = [';id', '$(id)', '`id`', '&& id', '| tee x', '> /tmp/x', '"\'\\', '*', '../../../etc/passwd', '-oProxyCommand=id', '--', '%n%s', "'; drop table events; --", '$${HOME}'];
const NO_LINE: readonly (readonly [string, string])[] = [['a newline', 'a\nb'], ['a carriage return', 'a\rb'], ['NUL', 'a\u0000b'], ['an escape', 'a\u001b[2Jb'], ['a lone surrogate', 'a\ud800b']];
/** Names are never free text. */
const BAD_NAMES = [';id', 'a\nb', '$(id)', '../x', '-oProxyCommand=x', 'a\u0000b', 'a b', 'x'.repeat(5000), ''];

interface Place {
  readonly path: string;
  readonly method: 'PUT' | 'POST';
  /** the document with this text there */
  readonly with: (text: string) => object;
  readonly pointer: string;
  readonly read: (body: any) => unknown;
  readonly longest: number;
}

let versions = 0;
const PLACES: Readonly<Record<string, Place>> = {
  'a variable of an application': { path: '/v1/applications/hostile', method: 'PUT', with: (text) => ({ ...APPLICATION, name: 'hostile', variables: { a: text } }), pointer: '/variables/a', read: (body) => body.variables.a, longest: 4096 },
  'a value of the environment': { path: '/v1/applications/hostile', method: 'PUT', with: (text) => ({ ...APPLICATION, name: 'hostile', run: { ...APPLICATION.run, env: { A: text } } }), pointer: '/run/env/A', read: (body) => body.run.env.A, longest: 4096 },
  'a word of the command': { path: '/v1/applications/hostile', method: 'PUT', with: (text) => ({ ...APPLICATION, name: 'hostile', run: { command: ['./app', text] } }), pointer: '/run/command/1', read: (body) => body.run.command[1], longest: 4096 },
  'a variable of a host': { path: '/v1/hosts/hostile', method: 'PUT', with: (text) => ({ ...host('hostile'), variables: { a: text } }), pointer: '/variables/a', read: (body) => body.variables.a, longest: 4096 },
  'a label of a host': { path: '/v1/hosts/hostile', method: 'PUT', with: (text) => ({ ...host('hostile'), labels: { a: text } }), pointer: '/labels/a', read: (body) => body.labels.a, longest: 4096 },
  ...Object.fromEntries(
    Object.entries({ commit: 128, build: 1024, branch: 256 }).map(([name, longest]): [string, Place] => [
      `the ${name} a package was made from`,
      { path: '/v1/packages', method: 'POST', with: (text) => ({ ...packageOf(`0.0.${(versions += 1)}`), source: { [name]: text } }), pointer: `/source/${name}`, read: (body) => body.source[name], longest },
    ]),
  ),
};

/** Sends the document over whatever version of it there is. */
async function send({ path, method }: Place, body: object): Promise<Answered> {
  const etag = method === 'PUT' ? (await api.ask('GET', path)).headers.get('etag') : null;
  return api.ask(method, path, { body, headers: etag === null ? {} : { 'if-match': etag } });
}

const stored = async (place: Place, sent: Answered): Promise<unknown> => place.read((await api.ask('GET', place.method === 'PUT' ? place.path : `/v1/packages/${sent.body.id}`)).body);

test.each(['', 'A=1', './app=2'])('the program %j, which would be read as a variable or as nothing, is refused where it stands', async (program) => {
  const sent = await api.ask('PUT', '/v1/applications/program', { body: { ...APPLICATION, name: 'program', run: { command: [program, 'x'] } } });
  expect(sent.status, sent.text).toBe(422);
  expect(pointers(sent)).toContain('/run/command/0');
});

describe.each(Object.entries(PLACES))('%s', (_, place) => {
  test('is a free text: what a shell would read is stored as it is', async () => {
    for (const text of FREE) {
      const sent = await send(place, place.with(text));
      expect([200, 201], `${text}: ${sent.text}`).toContain(sent.status);
      expect(await stored(place, sent)).toBe(text);
    }
  });

  test.each(NO_LINE)('with %s is refused where it stands', async (_name, text) => {
    const sent = await send(place, place.with(text));
    expect(sent.status, sent.text).toBe(422);
    expect(new Set(pointers(sent))).toEqual(new Set([place.pointer]));
  });

  test('may be as long as it says and no longer', async () => {
    const longest = await send(place, place.with('x'.repeat(place.longest)));
    expect([200, 201]).toContain(longest.status);
    expect(await stored(place, longest)).toHaveLength(place.longest);
    expect(pointers(await send(place, place.with('x'.repeat(place.longest + 1))))).toEqual([place.pointer]);
  });
});

describe('the name of', () => {
  const named: readonly (readonly [string, string, string, (name: string) => object])[] = [
    ['a variable', '/v1/applications/names', '/variables', (name) => ({ ...APPLICATION, name: 'names', variables: { [name]: 'x' } })],
    ['an environment variable', '/v1/applications/names', '/run/env', (name) => ({ ...APPLICATION, name: 'names', run: { ...APPLICATION.run, env: { [name]: 'x' } } })],
    ['a label', '/v1/hosts/names', '/labels', (name) => ({ ...host('names'), labels: { [name]: 'x' } })],
  ];

  test.each(named)('%s is never free text: each hostile one is refused where it stands', async (_, path, parent, body) => {
    for (const name of BAD_NAMES) {
      const sent = await api.ask('PUT', path, { body: body(name) });
      expect(sent.status, `${JSON.stringify(name).slice(0, 40)}: ${sent.text.slice(0, 200)}`).toBe(422);
      expect(pointers(sent).every((one) => one.startsWith(parent)), pointers(sent).join(' ')).toBe(true);
      expect((await api.ask('GET', path)).status).toBe(404);
    }
  });

  test('anything that every object inherits is refused: it would mean different things to different readers', async () => {
    for (const name of ['__proto__', 'constructor']) {
      const text = JSON.stringify({ ...APPLICATION, name: 'names', variables: { NAME: 'x' } }).replace('NAME', name);
      const sent = await api.ask('PUT', '/v1/applications/names', { text });
      expect(sent.status).toBe(400);
      expect(pointers(sent)).toEqual([`/variables/${name}`]);
    }
  });
});

test('a value that fills in a balancer\'s server or a port is checked as what it fills in', async () => {
  for (const text of [';disable', '$(id)', '../x', '-x', 'a b', 'x'.repeat(65)]) {
    const named = { ...POOL, name: 'filled', hosts: ['filled-1'], traffic: { ...POOL.traffic, server: '${server}' } };
    const server = await api.ask('POST', '/v1/apply', { body: { documents: [{ ...host('filled-1'), variables: { port: '1', server: text } }, named] } });
    expect(server.status, server.text).toBe(422);
    const port = await api.ask('POST', '/v1/apply', { body: { documents: [{ ...host('filled-1'), variables: { port: text } }, { ...named, traffic: POOL.traffic }] } });
    expect(port.status, port.text).toBe(422);
  }
  expect((await api.ask('GET', '/v1/pools/filled')).status).toBe(404);
});

test('each word reaches the process as one word, each value of the environment as one value, and no shell reads them', async () => {
  const bench = makeBench('dash');
  try {
    const trap = join(bench.root, 'trap');
    const hostile = [...FREE.filter((text) => !text.includes('${')), `$(echo > ${trap})`, `;echo > ${trap}`, `\`echo > ${trap}\``];
    const application = { ...APPLICATION, name: 'web', variables: { filled: hostile.join(' ') }, run: { command: ['./app', ...hostile, '${filled}', '${own}', '$${kept}'], env: { ALL: hostile.join(''), WITNESS: join(bench.root, 'witness') } } };
    const current = (await api.ask('GET', '/v1/applications/web')).headers.get('etag') ?? '';
    expect((await api.ask('PUT', '/v1/applications/web', { body: application, headers: { 'if-match': current } })).status).toBe(422);
    const hosts = POOL.hosts.map((name) => ({ ...host(name), variables: { port: '19001', own: ';own $(id)' } }));
    const applied = await api.ask('POST', '/v1/apply', { body: { documents: [POOL, STRATEGY, ...hosts, application] } });
    expect(applied.status, applied.text).toBe(200);
    expect((await api.ask('POST', '/v1/packages', { body: packageOf('2') })).status).toBe(201);
    const asked = await api.ask('POST', '/v1/releases', { body: RELEASE });
    expect(asked.status, asked.text).toBe(202);

    const inventory = await getInventoryOf(api.db, asked.body.id);
    const [captured] = inventory.applications;
    const [target] = inventory.hosts;
    if (captured === undefined || target === undefined) throw new Error('nothing was captured');
    const { account: _, ...configuration } = runConfiguration(inventory, captured, target, '2');
    const program = '#!/bin/sh\nfor word in "$@"; do printf "%s\\n" "$word"; done > "$WITNESS.half"\nprintf "%s\\n" "$ALL" >> "$WITNESS.half"\nmv "$WITNESS.half" "$WITNESS"\nexec sleep 1000\n';
    const { digest } = await install(bench, '2', { program });
    const { config } = await bench.result('configure', { ...step('hostile'), version: '2', ...configuration });
    await bench.result('switch', { ...step('switch'), digest, config: String(config), expectedDigest: '' });
    await bench.result('start', step('start'));
    const witness = join(bench.root, 'witness');
    await until('the application wrote down what it was given', () => existsSync(witness));
    expect(readFileSync(witness, 'utf8').split('\n').slice(0, -1)).toEqual([...hostile, hostile.join(' '), ';own $(id)', '${kept}', hostile.join('')]);
    expect(existsSync(trap)).toBe(false);
  } finally {
    bench.dispose();
  }
});
