/** One short round of every scenario, on real parts; `npm run chaos` tells many more. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { RULES } from './checker/rules.ts';
import { judge } from './checker/judge.ts';
import { missingFor } from './needs.ts';
import { failuresOf } from './report.ts';
import { cutOf, gather } from './round.ts';
import { firstRelease, runScenario } from './run.ts';
import { SCENARIOS } from './scenarios.ts';
import { openChaosStack, type ChaosStack } from './stack.ts';

const SEED = 20_261;
const ROUND_TIMEOUT_MS = 170_000;

let stack: ChaosStack;
beforeAll(async () => {
  stack = await openChaosStack({ temporal: 'dev', log: () => undefined });
  await firstRelease(stack);
}, 180_000);
afterAll(() => stack?.end(), 60_000);

describe('chaos', () => {
  test.for(SCENARIOS.map((scenario) => [scenario.name, scenario.does, scenario] as const))('%s: %s, and every promise holds', { timeout: ROUND_TIMEOUT_MS }, async ([, , scenario], { skip }) => {
    const why = await missingFor(scenario);
    if (why !== null) return skip(why);
    const lines: string[] = [];
    const outcome = await runScenario(stack, scenario, { seed: SEED, rounds: 1, log: (line) => lines.push(line) });
    console.log(lines.join('\n'));
    expect(failuresOf([outcome], false), `npm run chaos -- --scenario ${scenario.name} --seed ${SEED} --rounds 1 --temporal dev; logs and records are in ${stack.folder}`).toEqual([]);
    expect(outcome.rounds[0]?.missed).toEqual([]);
  });

  test('an outbox that forgets what it was given is seen: a release was accepted, and the log knows nothing of it', { timeout: ROUND_TIMEOUT_MS }, async () => {
    const cut = cutOf(stack);
    const client = stack.client();
    stack.break('outbox');
    const [pool] = stack.pools;
    if (pool === undefined) throw new Error('there is no pool');
    await stack.publish(pool, '9.9.9', null);
    const release = await client.release(pool.pool, pool.application, '9.9.9', 'forgotten');
    await until('the outbox holds it for delivered', async () => (await stack.owner.pool.query(`select 1 from outbox where release = $1 and delivered_at is not null`, [release])).rowCount === 1);
    stack.break(null);
    expect(judge(RULES, await gather(stack, cut, client.log))).toMatchObject([{ rule: 'I1', what: 'release forgotten ended ok for its client and has 0 events' }]);
  });
});
