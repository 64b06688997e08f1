import { expect, test } from 'vitest';
import { HostUnreachable } from '../../drivers/executors/port.ts';
import { times, using } from './using.ts';

const silent = { fail: new HostUnreachable('web-03', 'connection reset') };

test('the balancer is asked once for all hosts of a survey, and for each alone when that fails', async () => {
  await using(4, {}, async (bench) => {
    expect((await bench.ended(await bench.release())).status).toBe('succeeded');
    const [survey] = bench.traffic.calls.filter((call) => call.startsWith('observe'));
    expect(survey).toMatch(/web-01.*web-04/);
  });
  await using(4, { traffic: [{ call: 'observe', nth: 1, fault: { fail: new Error('the balancer has no server web-03') } }] }, async (bench) => {
    expect((await bench.ended(await bench.release())).status).toBe('succeeded');
  });
});

test('a host that does not answer for a moment while it is observed is asked again, and the release goes on', async () => {
  await using(4, { executor: times(2, 'observe web-03', silent) }, async (bench) => {
    expect((await bench.ended(await bench.release())).status).toBe('succeeded');
  });
});

test('a host that does not answer for a moment while it is staged is asked again, and the release goes on', async () => {
  await using(4, { executor: times(2, 'unpack web-03', silent) }, async (bench) => {
    expect((await bench.ended(await bench.release())).status).toBe('succeeded');
  });
});

test('a host that stays silent while it is observed fails the release after some seconds, before any traffic moves', async () => {
  await using(4, { executor: times(100, 'observe web-03', silent) }, async (bench) => {
    const release = await bench.ended(await bench.release());
    expect(release).toMatchObject({ status: 'failed', failure: { class: 'host', code: 'unreachable' } });
    expect(release.failure?.message).toContain('Preparation failed on web-03');
    const asked = bench.fleet.executor.calls.filter((call) => call === 'observe web-03').length;
    expect(asked).toBeGreaterThanOrEqual(3);
    expect(asked).toBeLessThan(20);
    expect(bench.traffic.calls.filter((call) => call.startsWith('drain'))).toEqual([]);
  });
});

test('abort does not wait for a silent host', async () => {
  await using(4, { executor: times(100, 'observe web-03', silent) }, async (bench) => {
    const id = await bench.release();
    await bench.until(id, () => bench.fleet.executor.calls.includes('observe web-03'), 'the survey');
    expect(await bench.send(id, 'abort')).toMatchObject({ state: 'applied' });
    expect((await bench.ended(id)).status).toBe('aborted');
  });
});

test('a host whose answer to the fence is lost is fenced again, and restored like the others', async () => {
  const lost = { lose: new HostUnreachable('web-03', 'connection reset') };
  const sick = { lie: { healthy: false, code: 'health-timeout', message: 'no answer', observedVersion: null, log: '' } } as const;
  await using(4, { executor: times(1, 'fence', lost), health: [{ call: 'verify', nth: 1, fault: sick }] }, async (bench) => {
    const release = await bench.ended(await bench.release());
    expect(release).toMatchObject({ status: 'rolled-back', rollback: { restored: 1 } });
    expect(bench.fleet.executor.calls.filter((call) => call.startsWith('fence'))).toHaveLength(2);
  });
});
