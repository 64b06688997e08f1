/** Real releases brought into every situation of the generated table of commands, and held there for as long as a test looks. */
import { liftBlock } from '../../db/blocks.ts';
import { getRelease } from '../../db/queries.ts';
import { situationOf, type SITUATIONS } from '../../docs/generate/states.ts';
import { isTerminal, SIGNALBOX } from '../../domain/vocabulary.ts';
import { refused } from '../support/fake-executor.ts';
import { digestOf } from '../support/fake-fleet.ts';
import { unhealthy } from '../support/fake-health.ts';
import { FAST } from '../support/release-bench.ts';
import { until } from '../support/until.ts';
import { gateCall } from './gate.ts';
import type { StrategySpec } from '../../domain/inventory.ts';
import type { ReleaseState } from '../../domain/release/state.ts';
import type { HostVerb } from '../../drivers/executors/port.ts';
import type { Asked, Bench } from '../support/release-bench.ts';
import type { SkippingClock } from '../support/skipping-clock.ts';
import type { Gate } from './gate.ts';

export type SituationName = (typeof SITUATIONS)[number];

/** One bench for many releases, each of a version of its own on a fleet that stands as at the beginning. */
export class Brought {
  readonly bench: Bench;
  readonly #clock: Pick<SkippingClock, 'sleep'>;
  readonly #sick = new Set<string>();
  readonly #opens: (() => void)[] = [];
  readonly #releases: string[] = [];
  #versions = 1;

  constructor(bench: Bench, clock: Pick<SkippingClock, 'sleep'>) {
    this.bench = bench;
    this.#clock = clock;
    const verify = bench.health.verify.bind(bench.health);
    bench.health.verify = (asked) => (this.#sick.has(asked.host.name) && asked.expectedVersion !== 'v1' ? Promise.resolve(unhealthy('health-timeout', 'sick')) : verify(asked));
  }

  /** A release in that situation; `work` is done with its id, and then it and whatever it needed is ended. */
  async in(name: SituationName, work: (id: string) => Promise<void>): Promise<void> {
    try {
      const id = await BRINGING[name](this);
      await until(`the situation "${name}"`, async () => situationOf(await this.core(id)) === name, 30_000);
      await work(id);
    } finally {
      await this.#endAll();
    }
  }

  /** The state by the log. */
  async core(id: string): Promise<ReleaseState> {
    const folded = await getRelease(this.bench.db, id);
    if (folded === null) throw new Error(`There is no release ${id}`);
    return folded.core;
  }

  async release(strategy: Partial<StrategySpec> = {}, more: Asked = {}): Promise<string> {
    const id = await this.bench.release({ ...more, version: `v${++this.#versions}`, strategy });
    this.#releases.push(id);
    return id;
  }

  /** Holds every such call from now on, until the release is ended. */
  holds(verb: HostVerb, host?: string): Gate {
    let isOver = false;
    const gate = gateCall(this.bench.fleet.executor, (called, name) => !isOver && called === verb && (host === undefined || name === host));
    this.#opens.push(() => {
      isOver = true;
      gate.open();
    });
    return gate;
  }

  /** Resolves when such a call is held. */
  async held(verb: HostVerb, host?: string): Promise<void> {
    const gate = this.holds(verb, host);
    await until(`a call of ${verb}`, () => gate.held() > 0, 30_000);
  }

  fails(host: string): void {
    this.#sick.add(host);
  }

  /** No host can be reached with that verb, until the release is ended. */
  refuses(verb: HostVerb): void {
    const { executor } = this.bench.fleet;
    const run = executor.run.bind(executor);
    executor.run = async (host, called, input, limits) => (called === verb ? refused('bad-input', 'out of order') : run(host, called, input, limits));
    this.#opens.push(() => void (executor.run = run));
  }

  async seen(id: string, is: Parameters<Bench['until']>[1]): Promise<string> {
    await this.bench.until(id, is);
    return id;
  }

  async sent(id: string, ...command: Parameters<Bench['send']> extends [string, ...infer Rest] ? Rest : never): Promise<string> {
    const { state } = await this.bench.send(id, ...command);
    if (state !== 'applied') throw new Error(`${command[0]} was ${state}`);
    return id;
  }

  /** Lets the bake of a second end that comes before a wait for a person. */
  async baked(id: string): Promise<string> {
    await this.bench.until(id, ({ waiting }) => waiting?.for === 'bake');
    await this.#clock.sleep(BAKE_OVER_MS);
    return id;
  }

  /**
   * Whatever was sent has been answered by the workflow itself, which has then acted on it; receipts say so a moment earlier. The server with
   * the skipping clock never recovers when an activity ends just as the workflow cancels it, so what is held stays held until here.
   */
  async delivered(id: string): Promise<void> {
    await until(`the delivery of all that was sent to ${id}`, async () => {
      const left = await this.bench.db.kysely.selectFrom('outbox').select('id').where('release', '=', id).where('delivered_at', 'is', null).execute();
      return left.length === 0;
    }, 30_000);
  }

  async #endAll(): Promise<void> {
    this.#sick.clear();
    const releases = this.#releases.splice(0).reverse();
    for (const id of releases) {
      if (!isTerminal((await this.core(id)).situation.status)) await this.bench.send(id, 'abort');
      await this.delivered(id);
    }
    for (const open of this.#opens.splice(0).reverse()) open();
    for (const id of releases) await this.bench.ended(id);
    await liftBlock(this.bench.db, { kind: 'hold', name: 'web', pool: 'web-prod' }, { reason: 'the next one', by: SIGNALBOX });
    for (const [name, host] of this.bench.fleet.hosts) {
      Object.assign(host, { digest: digestOf('v1'), config: 'config-v1', version: 'v1', pid: host.pid ?? 1 });
      this.bench.traffic.servers.set(name, { admin: 'ready', operational: 'up', weight: 1, connections: 0, inService: true });
    }
  }
}

const DAY_S = 86_400;
const BAKE_OVER_MS = 2000;
const BASTION = 'web-01';
const NEXT = 'web-02';
const BASTION_BAKES: Partial<StrategySpec> = { bastion: { count: 1, bakeSeconds: DAY_S, promote: 'auto' } };
const BATCHES_BAKE: Partial<StrategySpec> = { batches: { ...FAST.batches, bakeSeconds: DAY_S } };

/** Whoever adds a situation to the table says here how a real release gets there. */
const BRINGING: Readonly<Record<SituationName, (at: Brought) => Promise<string>>> = {
  queued: async (at) => {
    await at.seen(await at.release(BASTION_BAKES), ({ waiting }) => waiting?.for === 'bake');
    return at.seen(await at.release(), ({ waiting }) => waiting?.for === 'pool');
  },
  preparing: async (at) => during(at, await at.release(), 'fetch'),
  'pre-release, in work': async (at) => during(at, await at.release(), 'stop', BASTION),
  'pre-release, baking': async (at) => at.release(BASTION_BAKES),
  'pre-release, waits for promote': async (at) => at.baked(await at.release({ bastion: { count: 1, bakeSeconds: 1, promote: 'manual' } })),
  'pre-release, waits for sign-off': async (at) => at.release({ signOff: 'after-bastion' }),
  'releasing, in work': async (at) => during(at, await at.release(), 'stop', NEXT),
  'releasing, baking': async (at) => at.release(BATCHES_BAKE),
  'releasing, resting': async (at) => at.release({ batches: { ...FAST.batches, pauseSeconds: DAY_S } }),
  'releasing, waits for promote': async (at) => at.baked(await at.release({ batches: { ...FAST.batches, bakeSeconds: 1, advance: 'manual' } })),
  'post-release': async (at) => {
    const id = await at.seen(await at.release({ postRelease: { watchSeconds: DAY_S } }), ({ phase, waiting }) => phase === 'post-release' && waiting?.for === 'bake');
    // The audit, which an abort cancels: it must not end by itself just then.
    at.holds('observe');
    return id;
  },
  'paused, nothing failed': async (at) => at.sent(await at.seen(await at.release(BASTION_BAKES), ({ waiting }) => waiting?.for === 'bake'), 'pause'),
  'paused with failed targets': async (at) => failing(at, { onFailure: 'hold' }),
  'paused, asks for answers': async (at) => failing(at, { onFailure: 'ask' }),
  'being aborted': async (at) => at.sent(await during(at, await at.release(), 'stop', NEXT), 'abort'),
  'rolling-back': async (at) => {
    const id = await at.seen(await at.release(BATCHES_BAKE), ({ batches }) => batches[1]?.status === 'baking');
    const held = at.held('fence');
    await at.sent(id, 'rollback');
    await held;
    return id;
  },
  succeeded: async (at) => at.release(),
  'rolled-back': async (at) => failing(at, {}),
  'rollback-incomplete': async (at) => {
    at.refuses('fence');
    return failing(at, {});
  },
  aborted: async (at) => at.sent(await at.seen(await at.release(BASTION_BAKES), ({ waiting }) => waiting?.for === 'bake'), 'abort'),
  failed: async (at) => {
    at.refuses('unpack');
    return at.release();
  },
  rejected: async (at) => {
    await at.seen(await at.release(BASTION_BAKES), ({ waiting }) => waiting?.for === 'bake');
    return at.release({}, { busy: 'reject' });
  },
};

async function during(at: Brought, id: string, verb: HostVerb, host?: string): Promise<string> {
  await at.held(verb, host);
  return id;
}

async function failing(at: Brought, strategy: Partial<StrategySpec>): Promise<string> {
  at.fails(NEXT);
  return at.release(strategy);
}
