/** The journal: one opId is one effect, whatever is repeated, shuffled or killed. */
import { existsSync, readFileSync, readdirSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { HostInput, HostVerb } from '../../drivers/executors/port.ts';
import { encodeHostInput } from '../../drivers/executors/host-protocol.ts';
import { SHELLS, install, makeBench, observe, step, witness } from './host-bench.ts';
import { until } from '../support/until.ts';
import type { HostBench } from './host-bench.ts';

const benches: HostBench[] = [];
afterEach(() => {
  for (const bench of benches.splice(0)) bench.dispose();
});
const fresh = (shell: (typeof SHELLS)[number]): HostBench => {
  const bench = makeBench(shell);
  benches.push(bench);
  return bench;
};

/** Everything that tells whether something was done: links, process, starts. */
async function picture(bench: HostBench): Promise<unknown> {
  const releases = join(bench.root, 'web/releases');
  return { seen: await observe(bench), starts: witness(bench), releases: existsSync(releases) ? readdirSync(releases).sort() : [] };
}

async function captured(bench: HostBench): Promise<[HostVerb, HostInput][]> {
  const { digest, config } = await install(bench, '1.0.0');
  const rest: [HostVerb, HostInput][] = [
    ['stop', step('stop')],
    ['switch', { ...step('switch'), digest, config, expectedDigest: '' }],
    ['start', step('start')],
    ['hook', { ...step('hook'), at: 'after-start', 'command.0': '/bin/sh', 'command.1': '-c', 'command.2': `echo hook >> ${join(bench.root, 'witness')}`, timeoutSeconds: '5', idempotent: 'false' }],
    ['clean', { ...step('clean'), keep: '3', protect: '' }],
  ];
  for (const [verb, input] of rest) await bench.result(verb, input);
  return rest;
}

describe.each(SHELLS)('under %s', (shell) => {
  test('a repeated opId returns the stored result and acts no second time', async () => {
    const bench = fresh(shell);
    const { digest, config } = await install(bench, '1.0.0');
    await bench.result('switch', { ...step('switch'), digest, config, expectedDigest: '' });
    const first = await bench.run('start', step('start'));
    const second = await bench.run('start', step('start'));
    expect(first).toMatchObject({ ok: true, repeated: false });
    expect(second).toEqual({ ...first, repeated: true });
    expect(witness(bench)).toHaveLength(1);
  });

  test('a captured set of commands, shuffled and repeated, has no second effect', async () => {
    const bench = fresh(shell);
    const commands = await captured(bench);
    const before = await picture(bench);
    for (const index of [4, 0, 2, 3, 1, 0, 4, 3, 2, 1]) {
      const [verb, input] = commands[index] ?? ['stop', {}];
      expect(await bench.run(verb, input)).toMatchObject({ ok: true, repeated: true });
    }
    expect(await picture(bench)).toEqual(before);
  });

  test('the same opId sent many times at once has one effect', async () => {
    const bench = fresh(shell);
    const { digest, config } = await install(bench, '1.0.0');
    await bench.result('switch', { ...step('switch'), digest, config, expectedDigest: '' });
    const answers = await Promise.all(Array.from({ length: 5 }, () => bench.run('start', step('start'))));
    expect(new Set(answers.map((answer) => (answer.ok ? JSON.stringify(answer.result) : 'refused'))).size).toBe(1);
    expect(answers.filter((answer) => answer.ok && !answer.repeated)).toHaveLength(1);
    expect(witness(bench)).toHaveLength(1);
  });

  test('an opId of another verb or application is refused', async () => {
    const bench = fresh(shell);
    await bench.result('stop', step('x'));
    expect(await bench.run('start', step('x'))).toMatchObject({ ok: false, error: expect.stringMatching(/bad-input|not-unpacked/) });
    expect(await bench.run('stop', { ...step('x'), application: 'api' })).toMatchObject({ ok: false, error: 'bad-input' });
  });

  test('a lower epoch is refused, also for an operation that was done before', async () => {
    const bench = fresh(shell);
    await bench.result('stop', step('stop', 5));
    await bench.result('fence', { epoch: '6', applications: 'web' });
    const refused = await bench.run('stop', step('stop', 5));
    expect(refused).toMatchObject({ ok: false, error: 'stale-epoch', detail: { epoch: 5, current: 6 } });
    expect(await bench.run('fence', { epoch: '5', applications: 'web' })).toMatchObject({ ok: false, error: 'stale-epoch' });
    expect(await bench.run('stop', step('stop', 6))).toMatchObject({ ok: true, repeated: true });
  });

  test('epochs of eighteen digits are compared as numbers, and many raises keep the highest', async () => {
    const bench = fresh(shell);
    for (let epoch = 1; epoch <= 60; epoch += 1) await bench.result('fence', { epoch: String(epoch), applications: '' });
    expect(await bench.result('fence', { epoch: '999999999999999999', applications: '' })).toMatchObject({ maxEpoch: 999999999999999999 });
    expect(await bench.run('fence', { epoch: '999999999999999998', applications: '' })).toMatchObject({ ok: false, error: 'stale-epoch' });
    expect(bench.read('.signalbox/epoch').split('\n').length).toBeLessThan(130);
  });

  test('a long or strange opId is kept apart from every other one', async () => {
    const bench = fresh(shell);
    const ids = ['a'.repeat(400), `${'a'.repeat(399)}b`, 'a/b', 'a~b', 'a~b/c', 'ä ö', '../../x', '.', '-n', '$(id)'];
    for (const opId of ids) expect(await bench.run('stop', { ...step('stop'), opId })).toMatchObject({ ok: true, repeated: false });
    for (const opId of ids) expect(await bench.run('stop', { ...step('stop'), opId })).toMatchObject({ ok: true, repeated: true });
    expect(readdirSync(join(bench.root, '.signalbox/journal'))).toHaveLength(ids.length);
  });

  test('start killed at many moments goes on with the same opId and starts once', async () => {
    const bench = fresh(shell);
    const { digest, config } = await install(bench, '1.0.0');
    await bench.result('switch', { ...step('switch'), digest, config, expectedDigest: '' });
    for (let round = 0; round < 12; round += 1) {
      const input = step(`start-${round}`);
      await killAt(bench, 'start', input, round, round % 2 === 0);
      const resumed = await bench.run('start', input);
      expect(resumed, `killed at change ${round}`).toMatchObject({ ok: true });
      expect((await observe(bench)).process).toEqual(resumed.ok ? resumed.result['process'] : 'none');
      await until('the application notes its start', () => witness(bench).length > round);
      await bench.result('stop', step(`stop-${round}`));
      expect(witness(bench), `killed at change ${round}`).toHaveLength(round + 1);
    }
  });

  test('a start that was killed, and whose process has ended since, is told as failed and not started again', async () => {
    const bench = fresh(shell);
    // The application lives until it is told to end, and the start watches it for a minute: so the start is still at work when it is killed.
    const program = '#!/bin/sh\necho started >> "$WITNESS"\nwhile [ ! -e "$WITNESS.end" ]; do sleep 0.05; done\n';
    const { digest, config } = await install(bench, '1.0.0', { program });
    await bench.result('switch', { ...step('switch'), digest, config, expectedDigest: '' });
    const start = { ...step('start'), settleMs: '60000' };
    const child = bench.spawn('start', encodeHostInput({ root: bench.root, ...start }));
    const gone = new Promise((resolve) => child.once('exit', resolve));
    await until('the application was started', () => witness(bench).length === 1);
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await gone;
    writeFileSync(join(bench.root, 'witness.end'), '');
    expect(await bench.run('start', start)).toMatchObject({ ok: false, error: 'start-failed' });
    expect(witness(bench)).toHaveLength(1);
  });

  test('switch killed at many moments ends exactly at the wanted link and keeps the old values', async () => {
    const bench = fresh(shell);
    const one = await install(bench, '1.0.0');
    const two = await install(bench, '2.0.0');
    await bench.result('switch', { ...step('switch-0'), digest: one.digest, config: one.config, expectedDigest: '' });
    let [from, to] = [one, two];
    for (let round = 1; round <= 12; round += 1) {
      const input = { ...step(`switch-${round}`), digest: to.digest, config: to.config, expectedDigest: from.digest };
      await killAt(bench, 'switch', input, round - 1, true);
      expect(await bench.result('switch', input)).toEqual({ fromDigest: from.digest, fromConfig: from.config });
      expect(await observe(bench)).toMatchObject({ digest: to.digest, config: to.config });
      [from, to] = [to, from];
    }
  });

  test('a torn last line of the journal is as if it had not been written', async () => {
    const bench = fresh(shell);
    await bench.result('stop', step('stop'));
    const file = join(bench.root, '.signalbox/journal', readdirSync(join(bench.root, '.signalbox/journal'))[0] ?? '');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.slice(0, -6));
    expect(await bench.run('stop', step('stop'))).toMatchObject({ ok: true, repeated: false });
    expect(await bench.run('stop', step('stop'))).toMatchObject({ ok: true, repeated: true });
  });
});

/** Kills the program alone, or its whole group, at the n-th thing that happens in its folder, 0: at once; waits until it is gone. */
async function killAt(bench: HostBench, verb: HostVerb, input: HostInput, nth: number, group: boolean): Promise<void> {
  let happened = 0;
  const reached = Promise.withResolvers<void>();
  const watcher = watch(bench.root, { recursive: true }, () => {
    happened += 1;
    if (happened >= nth) reached.resolve();
  });
  const child = bench.spawn(verb, encodeHostInput({ root: bench.root, ...input }));
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  if (nth === 0) reached.resolve();
  await Promise.race([reached.promise, gone]);
  try {
    process.kill(group ? -(child.pid ?? 0) : (child.pid ?? 0), 'SIGKILL');
  } catch {
    // It was done already, which is one of the moments.
  }
  await gone;
  watcher.close();
}
