/** Rounds of one scenario on one ground, and what they add up to. */
import { POINTS, type Point } from './points.ts';
import { until } from '../support/until.ts';
import { runRound, type RoundOutcome } from './round.ts';
import type { ChaosPool } from './fleet.ts';
import type { Scenario } from './scenario.ts';
import type { ChaosStack } from './stack.ts';
import type { Story } from './story.ts';
import { play, publish } from './story.ts';

export interface RunOptions {
  readonly seed: number;
  readonly rounds: number;
  /** told each round in one line */
  readonly log: (line: string) => void;
}

export interface ScenarioOutcome {
  readonly scenario: string;
  readonly rounds: readonly RoundOutcome[];
  /** points of the list that nobody came by in all rounds; of `points` alone */
  readonly unreached: readonly Point[];
  /** whether a failed request fails the run */
  readonly mayFailRequests: boolean;
}

/** Every pool runs something, so that there is something to lose. */
export async function firstRelease(stack: ChaosStack): Promise<void> {
  await releaseGood(stack, stack.pools, '1.0.0');
}

/** What a round left out of service comes back by a good release, so that the next round is judged for itself. A server that even that leaves out is put back by hand. */
export async function heal(stack: ChaosStack): Promise<void> {
  const out = (await stack.hostsNow()).filter(({ inService }) => !inService).map(({ host }) => host);
  const hurt = stack.pools.filter(({ hosts }) => hosts.some((host) => out.includes(host)));
  if (hurt.length === 0) return;
  for (const [index, { hosts }] of stack.pools.entries()) for (const host of hosts) if (out.includes(host)) await stack.balancers[index]?.say(`set server web/${host} state ready`);
  await releaseGood(stack, hurt, `1.${stack.nextRound()}.0-heal`);
}

async function releaseGood(stack: ChaosStack, pools: readonly ChaosPool[], version: string): Promise<void> {
  const client = stack.client();
  const stories = pools.map((pool): Story => ({ pool, plot: 'good', version, turnAfterMs: 0, mark: `${version}-${pool.pool}` }));
  for (const story of stories) await publish(stack, story);
  await Promise.all(stories.map((story) => play(stack, client, story)));
  const out = await until('every host serves', async () => {
    const hosts = (await stack.hostsNow()).filter(({ inService }) => !inService);
    return hosts.length === 0 ? hosts : null;
  }, SERVES_TIMEOUT_MS).catch(async () => (await stack.hostsNow()).filter(({ inService }) => !inService));
  if (out.length > 0) throw new Error(`A good release of ${version} did not bring every host into service: ${JSON.stringify(out)}`);
}

const SERVES_TIMEOUT_MS = 10_000;

export async function runScenario(stack: ChaosStack, scenario: Scenario, { seed, rounds, log }: RunOptions): Promise<ScenarioOutcome> {
  const done: RoundOutcome[] = [];
  let pending = scenario.name === 'points' ? POINTS : [];
  await scenario.prepare?.(stack);
  for (let round = 1; round <= rounds; round += 1) {
    await heal(stack);
    const outcome = await runRound(stack, scenario, { seed, round, pending });
    done.push(outcome);
    pending = pending.filter((point) => !outcome.struck.includes(point));
    log(lineOf(scenario, round, outcome, pending));
    if (scenario.name === 'points' && pending.length === 0) break;
  }
  await scenario.restore?.(stack);
  return { scenario: scenario.name, rounds: done, unreached: pending, mayFailRequests: scenario.mayFailRequests === true };
}

function lineOf({ name }: Scenario, round: number, { breaches, struck, missed, tookMs, stories, requests, staleWrites }: RoundOutcome, pending: readonly Point[]): string {
  const parts = [
    `${name} round ${round}: ${breaches.length === 0 ? 'no breach' : `${breaches.length} breaches`} in ${(tookMs / 1000).toFixed(1)} s`,
    stories.join(', '),
    ...(struck.length > 0 ? [`struck ${struck.join(' ')}`] : []),
    ...(missed.length > 0 ? [`missed ${missed.join(' ')}`] : []),
    ...(name === 'points' ? [`${pending.length} points to go`] : []),
    `${requests.failed} of ${requests.total} requests failed`,
    ...(staleWrites > 0 ? [`${staleWrites} stale balancer writes reversed`] : []),
  ];
  return [parts.join('; '), ...breaches.map(({ rule, what }) => `    ${rule}: ${what}`), ...requests.failures.slice(0, 3).map((failure) => `    request: ${failure}`)].join('\n');
}
