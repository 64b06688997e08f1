import { expect, test } from 'vitest';
import { using } from './using.ts';
import type { HostAnswer } from '../../drivers/executors/port.ts';

test('a package with a wrong digest ends preparation with expected and got, and no host was ever asked to leave traffic', async () => {
  const [expected, got] = ['a'.repeat(64), 'b'.repeat(64)];
  const wrong: HostAnswer = { ok: false, error: 'digest-mismatch', message: 'the package is not the registered one', detail: { expected, got } };
  await using(4, { executor: [{ call: 'fetch web-02', nth: 1, fault: { lie: wrong } }] }, async (bench) => {
    const release = await bench.ended(await bench.release());
    expect(release).toMatchObject({ status: 'failed', phase: 'preparation', failure: { class: 'bad-build', code: 'digest-mismatch' } });
    expect(release.failure?.message).toContain(expected);
    expect(release.failure?.message).toContain(got);
    expect(release.failure?.message).toContain('web-02');
    expect(bench.traffic.calls.filter((call) => !call.startsWith('observe'))).toEqual([]);
    expect(bench.fleet.executor.calls.filter((call) => /^(stop|switch|start|restore) /.test(call))).toEqual([]);
    expect([...bench.fleet.hosts.values()].every(({ version, starts }) => version === 'v1' && starts.length === 0)).toBe(true);
  });
});
