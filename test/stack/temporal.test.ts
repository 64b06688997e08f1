import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readDevFile } from '../../stack/dev-file.ts';
import { cacheFolder } from '../../stack/place.ts';
import { findTemporal, type TemporalSource } from '../../stack/temporal-cli.ts';
import { devServerArguments, startTemporal } from '../../stack/temporal.ts';

const CLONE = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const dev = readDevFile(CLONE);
let folder = '';
let source: Exclude<TemporalSource, { kind: 'address' }>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'temporal-'));
  const { found } = await findTemporal({ env: { ...process.env, TEMPORAL_ADDRESS: '' }, cacheDir: cacheFolder(CLONE) });
  if (found.kind === 'address') throw new Error('no program was asked for');
  source = found;
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('search attributes missing in an older database are registered at the next start', async () => {
  const file = { dbFile: join(folder, 'temporal.db'), logFile: join(folder, 'temporal.log'), source, namespace: dev.namespace, dynamicConfig: dev.dynamicConfig };
  await (await startTemporal({ ...file, searchAttributes: { Pool: 'Keyword' } })).stop();
  const server = await startTemporal({ ...file, searchAttributes: dev.searchAttributes });
  try {
    const connection = await Connection.connect({ address: server.address });
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: dev.namespace });
    await connection.close();
    expect(Object.keys(customAttributes)).toEqual(expect.arrayContaining(Object.keys(dev.searchAttributes)));
  } finally {
    await server.stop();
  }
});

test('the server is told to listen on loopback, to keep its data and to call nobody', () => {
  const args = devServerArguments({ ...dev, source, port: 1, uiPort: 2, metricsPort: 3, dbFile: '/d/t.db', logFile: '/d/t.log' }).join(' ');
  for (const part of ['--ip 127.0.0.1', '--port 1', '--ui-port 2', '--db-filename /d/t.db', '--ui-disable-news-fetch', '--log-level warn', '--search-attribute Applications=KeywordList']) {
    expect(args).toContain(part);
  }
});

test('containers are given the search attributes and the settings that npm start gives its server', () => {
  const document = parse(readFileSync(join(CLONE, 'temporal-dev.yml'), 'utf8')) as { readonly services: { readonly temporal: { readonly command: readonly string[] } } };
  const given = (flag: string): readonly string[] => document.services.temporal.command.flatMap((part) => (part.startsWith(`${flag}=`) ? [part.slice(flag.length + 1)] : []));
  expect(given('--search-attribute')).toEqual(Object.entries(dev.searchAttributes).map(([name, type]) => `${name}=${type}`));
  expect(given('--dynamic-config-value')).toEqual(Object.entries(dev.dynamicConfig).map(([name, value]) => `${name}=${value}`));
  expect(Object.keys(dev.dynamicConfig)).not.toEqual([]);
});

test('a running server that was named is used and nothing else is looked for', async () => {
  const search = { env: { TEMPORAL_ADDRESS: 'env:1' }, cacheDir: folder };
  expect(await findTemporal(search)).toEqual({ found: { kind: 'address', address: 'env:1', source: 'TEMPORAL_ADDRESS' }, notes: [] });
  expect((await findTemporal({ ...search, address: 'flag:2' })).found).toEqual({ kind: 'address', address: 'flag:2', source: '--temporal-address' });
});

test('a program named by hand that does not work is an error that names it', async () => {
  const broken = join(folder, 'temporal-broken');
  writeFileSync(broken, '#!/bin/sh\nexit 3\n');
  chmodSync(broken, 0o755);
  await expect(findTemporal({ env: { SIGNALBOX_TEMPORAL_CLI: broken }, cacheDir: folder })).rejects.toThrow(/SIGNALBOX_TEMPORAL_CLI names .*temporal-broken/);
});

test('a program on PATH that is too old is passed over with the reason', async () => {
  const old = join(folder, 'temporal');
  writeFileSync(old, '#!/bin/sh\necho "temporal version 1.1.0 (Server 1.25.0)"\n');
  chmodSync(old, 0o755);
  const { found, notes } = await findTemporal({ env: { ...process.env, TEMPORAL_ADDRESS: '', PATH: `${folder}:${process.env['PATH']}` }, cacheDir: cacheFolder(CLONE) });
  expect(found.kind).toBe('program');
  expect(notes.join()).toContain('version 1.1, older than 1.5');
});
