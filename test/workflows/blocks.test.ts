/** What a rollback leaves behind in the store, by who wanted it: a real worker and database on a clock that skips. */
import { expect, test } from 'vitest';
import { getBlock } from '../../db/blocks.ts';
import { unhealthy } from '../support/fake-health.ts';
import { skippingClock } from '../support/skipping-clock.ts';
import type { HealthVerdict } from '../../drivers/health/port.ts';
import type { Bench, Faults } from '../support/release-bench.ts';

const DAY_MS = 86_400_000;
const HOLD = { kind: 'hold', name: 'web', pool: 'web-prod' } as const;
const QUARANTINE = { kind: 'quarantine', name: 'web@v2', pool: '' } as const;
const ASK = { onFailure: 'ask', pause: { deadlineHours: 24, then: 'rollback' } } as const;

const clock = skippingClock();

const using = (faults: Faults, work: (bench: Bench) => Promise<void>) => clock.using(work, { faults });

const sick = (code: Parameters<typeof unhealthy>[0]): { readonly call: string; readonly nth: number; readonly fault: { readonly lie: HealthVerdict } } => ({ call: 'verify', nth: 1, fault: { lie: unhealthy(code, 'sick') } });

/** A release whose bastion has failed, and which asks about it. */
async function asking(bench: Bench): Promise<{ readonly id: string; readonly host: string }> {
  const id = await bench.release({ strategy: ASK });
  const asked = await bench.until(id, ({ waiting }) => waiting?.for === 'answer', 'the question');
  return { id, host: asked.batches[0]?.targets[0]?.host ?? '' };
}

test('a refused bastion holds the application, and the next release of any version is stopped by it', async () => {
  await using({}, async (bench) => {
    const id = await bench.release({ strategy: { signOff: 'after-bastion' } });
    await bench.until(id, ({ waiting }) => waiting?.for === 'sign-off', 'the sign-off');
    expect(await bench.send(id, 'reject')).toMatchObject({ state: 'applied' });
    expect(await bench.ended(id)).toMatchObject({ status: 'rolled-back', rollback: { cause: 'rejected' } });
    expect(await getBlock(bench.db, HOLD)).toMatchObject({ release: id, by: { name: 'op' }, reason: 'The bastion was rejected: test', lifted: null });
    expect(await getBlock(bench.db, QUARANTINE)).toBeNull();
    expect(await bench.ended(await bench.release({ version: 'v3' }))).toMatchObject({ status: 'failed', failure: { code: 'held' } });
  });
});

test('a bad build answered with fail is held by who answered, and the package is quarantined', async () => {
  await using({ health: [sick('health-timeout')] }, async (bench) => {
    const { id, host } = await asking(bench);
    expect(await bench.send(id, 'answer', { choices: { [host]: 'fail' } })).toMatchObject({ state: 'applied' });
    expect(await bench.ended(id)).toMatchObject({ status: 'rolled-back', rollback: { cause: 'answer' } });
    expect(await getBlock(bench.db, HOLD)).toMatchObject({ release: id, by: { name: 'op' }, reason: `${host} failed for good: test`, lifted: null });
    expect(await getBlock(bench.db, QUARANTINE)).toMatchObject({ release: id, lifted: null });
  });
});

test('a failure of the host answered with fail is held, and nothing is quarantined', async () => {
  await using({ health: [sick('port-taken')] }, async (bench) => {
    const { id, host } = await asking(bench);
    expect(await bench.send(id, 'answer', { choices: { [host]: 'fail' } })).toMatchObject({ state: 'applied' });
    expect((await bench.ended(id)).status).toBe('rolled-back');
    expect(await getBlock(bench.db, HOLD)).toMatchObject({ release: id, lifted: null });
    expect(await getBlock(bench.db, QUARANTINE)).toBeNull();
  });
});

test('a question nobody answered is rolled back at its deadline, which holds nothing', async () => {
  await using({ health: [sick('health-timeout')] }, async (bench) => {
    const { id } = await asking(bench);
    await clock.sleep(DAY_MS + 60_000);
    expect(await bench.ended(id)).toMatchObject({ status: 'rolled-back', rollback: { cause: 'pause-deadline' } });
    expect(await getBlock(bench.db, HOLD)).toBeNull();
    expect(await getBlock(bench.db, QUARANTINE)).toMatchObject({ release: id, lifted: null });
  });
});
