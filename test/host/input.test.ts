/** Input and answer: everything is checked before anything is done, and the answer is one line of printable ASCII. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SHELLS, install, makeBench, sha256, step } from './host-bench.ts';
import type { HostBench } from './host-bench.ts';

const DIGEST = sha256(Buffer.from('x'));

describe.each(SHELLS)('under %s', (shell) => {
  let bench: HostBench;
  let stop: string;
  beforeAll(() => {
    bench = makeBench(shell);
    stop = `root ${bench.root}\nopId a\nepoch 1\napplication web\n`;
  });
  afterAll(() => bench.dispose());

  async function refused(verb: string, stdin: string, words: readonly string[] = []): Promise<void> {
    const { code, output } = await bench.raw(verb, stdin, words);
    expect(code, output).toBe(0);
    expect(output).toMatch(/^[\x20-\x7e]+\n$/);
    expect(JSON.parse(output), stdin).toMatchObject({ ok: false, error: 'bad-input' });
    expect(readdirSync(bench.root)).toEqual([]);
  }

  test('an unknown verb, words after the verb, and no verb are refused', async () => {
    await refused('explode', 'end\n');
    await refused('', 'end\n');
    await refused('stop', `${stop}end\n`, ['--now']);
  });

  test('malformed lines are refused', async () => {
    for (const line of ['shape round', 'version', ' x', 'opId b', 'command.0 x', 'env.A b', 'root\t/x', 'marker a\u0001b', 'marker ä', 'marker %', 'marker %4', 'marker %zz', 'marker %00', '$(id) x', '* x', 'in_root x']) {
      await refused('stop', `${stop}${line}\nend\n`);
    }
  });

  test('input that was cut off is refused, however much of it came', async () => {
    for (const text of ['', 'root', stop, `${stop}en`, stop.slice(0, -2)]) await refused('stop', text);
  });

  test('a missing name is refused', async () => {
    for (const name of ['root', 'opId', 'epoch', 'application']) await refused('stop', `${stop.replace(new RegExp(`^${name} .*\n`, 'm'), '')}end\n`);
  });

  test('values outside their alphabet are refused', async () => {
    const bad: Record<string, readonly string[]> = {
      application: ['', '..', '../x', 'a..b', '.web', '-rf', 'a/b', 'Web', 'a b', ';id', '$(id)', 'a%0Ab', 'a%2Fb', 'x'.repeat(64), '%C3%A4'],
      epoch: ['', '-1', '01', '1.5', '0x1', 'one', '1'.repeat(19), '1 2'],
      root: ['', 'relative', '/tmp/../etc', '/tmp%0A', '../x'],
      opId: ['', 'a%0Ab', 'x'.repeat(401)],
    };
    for (const [name, values] of Object.entries(bad)) for (const value of values) await refused('stop', `${stop.replace(new RegExp(`^${name} .*$`, 'm'), () => `${name} ${value}`)}end\n`);
  });

  test('what belongs to one verb is checked before the host is touched', async () => {
    const fetching = `${stop}version 1\nsha256 ${DIGEST}\n`;
    for (const uri of ['ftp://x/y', 'file://host/x', 'file:///a/../b', '-oProxy', 'http://', 'http://a b', 'http://a%0Ab', '/etc/passwd']) await refused('fetch', `${fetching}uri ${uri}\nend\n`);
    await refused('fetch', `${fetching.replace(DIGEST, 'abc')}uri http://x/y\nend\n`);
    await refused('fetch', `${fetching}uri http://x/y\nsizeBytes -1\nend\n`);
    for (const version of ['-1', '../1', 'a b', ';id', '1..2', 'x'.repeat(129)]) await refused('unpack', `${stop}sha256 ${DIGEST}\nformat zip\nversion ${version}\nend\n`);
    await refused('unpack', `${stop}sha256 ${DIGEST}\nversion 1\nformat rar\nend\n`);
    await refused('switch', `${stop}digest ${DIGEST}\nconfig x\nend\n`);
    await refused('restore', `${stop}digest \nconfig ${DIGEST}\nend\n`);
    await refused('clean', `${stop}keep 1\nprotect ${DIGEST},nonsense\nend\n`);
    await refused('verify', `root ${bench.root}\napplication web\nurl file:///etc/passwd\nmethod GET\ntimeoutMs 10\nend\n`);
    await refused('verify', `root ${bench.root}\napplication web\nurl http://x\nmethod DELETE\ntimeoutMs 10\nend\n`);
    for (const line of ['command.1 x', 'command.0 A=b', 'command.0 ', 'command.00 x', 'command.x y', 'command.0 x\nenv.1A b', 'command.0 x\nenv.A-B c', 'command.0 x\nstopSignal SIGSTOP', 'command.0 x\naccount no-such-account-here', 'command.0 x\naccount $(id)']) {
      await refused('configure', `${stop}version 1\n${line}\nend\n`);
    }
  });

  test('percent-encoded values come out byte for byte, and answers are plain ASCII', async () => {
    const odd = `tab\t quote' double" back\\ dollar$(id) \`id\` percent% newline\n umlaut ä emoji 😀 end `;
    const other = makeBench(shell);
    try {
      const { config } = await install(other, '1.0.0', { extra: { 'env.ODD': odd, 'command.3': odd } });
      await other.result('switch', { ...step('switch'), digest: digestOf(other), config, expectedDigest: '' });
      const { log } = await other.result('hook', { ...step('hook'), at: 'x', 'command.0': '/usr/bin/printf', 'command.1': '%s', 'command.2': odd, timeoutSeconds: '5', idempotent: 'true' });
      expect(log).toBe(odd);
      const broken = await other.result('hook', { ...step('bytes'), at: 'x', 'command.0': '/usr/bin/printf', 'command.1': '\\377\\300\\200\\355\\240\\200\\001x', timeoutSeconds: '5', idempotent: 'true' });
      expect(broken['log']).toMatch(/^\ufffd+\u0001x$/);
    } finally {
      other.dispose();
    }
  });

  test('names of variables cannot reach the variables of the program', async () => {
    const other = makeBench(shell);
    try {
      const names = ['PATH', 'IFS', 'root', 'state', 'in_root', 'names', 'text', 'HOME', 'journal'];
      const input = Object.fromEntries(names.map((name) => [`env.${name}`, '/nowhere']));
      const { config } = await other.result('configure', { ...step('configure'), version: '1', 'command.0': './app', ...input });
      const text = other.read(`web/configs/${String(config)}`);
      for (const name of names) expect(text).toContain(`env.${name} /nowhere\n`);
    } finally {
      other.dispose();
    }
  });
});

function digestOf(bench: HostBench): string {
  return readdirSync(join(bench.root, 'web/releases')).find((name) => !name.includes('.')) ?? '';
}
