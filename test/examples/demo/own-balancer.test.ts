import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { behind, promisesOfABalancer } from './balancer-promises.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

promisesOfABalancer({ kind: "the demo's own balancer", haproxy: null });

test('the socket of a folder with a very long name still has a path the system takes', async () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'long-')), 'x'.repeat(100));
  const { balancer } = await behind(null, ['1'], folder);
  folders.push(dirname(folder), dirname(balancer.socket));
  expect(balancer.socket.length).toBeLessThan(108);
});

