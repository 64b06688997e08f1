/** A run that keeps every promise: one release that is paused, resumed and ends well, then one that is rolled back after its first host. Tests plant one breach each into it. */
import type { StoredReleaseEvent } from '../../../domain/release/events.ts';
import type { Direction, Step } from '../../../domain/vocabulary.ts';
import type { AppStart, BalancerSample, ChaosRecord, ClientEntry, Effect, LoggedEvent, What } from './record.ts';

export const GOOD = 'r-good';
export const BACK = 'r-back';
const POOL = 'shop';
const HOSTS = ['h1', 'h2', 'h3'] as const;

/** What a test changes; everything is a copy of its own. */
export type Draft = { -readonly [K in keyof ChaosRecord]: ChaosRecord[K] extends readonly (infer T)[] ? T[] : ChaosRecord[K] };

export function cleanRecord(): Draft {
  const story = new Story();
  story.acquire(GOOD, 1, '0.9.0');
  story.forward(GOOD, 'h1', 1, 'digest-1', 101);
  story.client('pause', GOOD);
  story.decide(GOOD, 'paused', { reason: 'pause r-good', cause: 'operator', deadline: null, then: 'stay' });
  story.told('pause', GOOD);
  story.client('resume', GOOD);
  story.decide(GOOD, 'resumed', { reason: 'resume r-good' });
  story.told('resume', GOOD);
  story.forward(GOOD, 'h2', 1, 'digest-1', 102);
  story.forward(GOOD, 'h3', 1, 'digest-1', 103);
  story.decide(GOOD, 'release-succeeded', { debt: [] });
  story.acquire(BACK, 2, '1.0.0', 'digest-1');
  story.forward(BACK, 'h1', 2, 'digest-2', 201);
  story.client('rollback', BACK);
  story.decide(BACK, 'rollback-started', { reason: 'rollback r-back', mode: 'regular', cause: 'operator', batches: [['h1']], then: 'rolled-back', epoch: 3 });
  story.told('rollback', BACK);
  story.restore(BACK, 'h1', 3, 202);
  story.decide(BACK, 'release-rolled-back', { restored: 1, untouched: 2 });
  return story.record();
}

class Story {
  #ms = 1_000;
  readonly #client: ClientEntry[] = [];
  readonly #events: LoggedEvent[] = [];
  readonly #effects: Effect[] = [];
  readonly #starts: AppStart[] = [];
  readonly #samples: BalancerSample[] = [];
  readonly #out = new Set<string>();

  acquire(release: string, epoch: number, from: string, digest: string | null = null): void {
    this.client('release', release);
    this.decide(release, 'release-requested', { pool: POOL, kind: 'rollout', reason: `release ${release}` });
    this.told('release', release);
    this.decide(release, 'pool-acquired', { epoch });
    for (const host of HOSTS) {
      this.decide(release, 'target-observed', { host, epoch, observation: { applications: [{ application: 'web', digest, version: from, process: digest === null ? null : {} }], traffic: { admin: 'ready' } } });
      this.decide(release, 'target-staged', { host, epoch, digests: { web: release === GOOD ? 'digest-1' : 'digest-2' } });
    }
  }

  forward(release: string, host: string, epoch: number, _digest: string, pid: number): void {
    this.#steps({ release, host, epoch, direction: 'forward' }, pid);
  }

  restore(release: string, host: string, epoch: number, pid: number): void {
    this.#effect('fenced', 'fence', { release, host, epoch, direction: 'back' }, String(epoch));
    this.#steps({ release, host, epoch, direction: 'back' }, pid);
  }

  client(op: ClientEntry['op'], release: string): void {
    this.#client.push({ kind: 'invoke', op, mark: `${op} ${release}`, release, atMs: this.#tick() });
  }

  told(op: ClientEntry['op'], release: string): void {
    this.#client.push({ kind: 'ok', op, mark: `${op} ${release}`, release, atMs: this.#tick() });
  }

  decide(release: string, type: string, data: object): void {
    const version = this.#events.filter((logged) => logged.release === release).length + 1;
    const seenMs = this.#tick();
    const event = { id: `${release}/${version}/${type}`, type, data, version, at: '2026-01-01T00:00:00.000Z', actor: { kind: 'signalbox', name: 'signalbox' } } as unknown as StoredReleaseEvent;
    this.#events.push({ release, position: this.#events.length + 1, seenMs, event });
  }

  record(): Draft {
    const last = this.#tick();
    return {
      pools: [{ pool: POOL, hosts: [...HOSTS], floor: 2 }],
      client: this.#client, events: this.#events, effects: this.#effects, starts: this.#starts, samples: this.#samples,
      hosts: HOSTS.map((host) => ({ host, digest: 'digest-1', processes: 1, admin: 'ready', inService: true, owner: null, residue: [] })),
      readModel: { differing: [], brokenChain: [] }, endedMs: last, deadlineMs: 60_000,
    };
  }

  #steps(at: { readonly release: string; readonly host: string; readonly epoch: number; readonly direction: Direction }, pid: number): void {
    const { host, epoch, direction, release } = at;
    const done = (step: Step, result: object = {}): void => this.decide(release, 'target-step-succeeded', { host, epoch, direction, round: 0, step, result });
    this.#effect('done', 'drain', at, 'drain');
    this.#out.add(host);
    done('drain', { traffic: { admin: 'drain' } });
    this.#effect('done', 'stop', at, String(pid - 100));
    done('stop');
    this.#effect('done', 'switch', at, `call-${pid}`);
    done('switch');
    this.#effect('begun', 'start', at, '');
    this.#starts.push({ host, version: '1.0.0', pid, atMs: this.#tick() });
    this.#effect('done', 'start', at, String(pid));
    done('start', { processes: { web: { pid } } });
    done('verify');
    this.#effect('done', 'admit', at, 'ready');
    this.#out.delete(host);
    done('admit', { traffic: { admin: 'ready' } });
  }

  #effect(kind: Effect['kind'], what: What, { release, host, epoch, direction }: { readonly release: string; readonly host: string; readonly epoch: number; readonly direction: Direction }, mark: string): void {
    this.#effects.push({ kind, what, host, epoch, mark, opId: `${release}/1/${host}/web/${what}/${direction}/0`, atMs: this.#tick() });
  }

  /** Time goes on; the balancer is looked at each time. */
  #tick(): number {
    this.#ms += 100;
    this.#samples.push({ pool: POOL, atMs: this.#ms, servers: HOSTS.map((host) => ({ host, admin: this.#out.has(host) ? 'drain' : 'ready', inService: !this.#out.has(host) })) });
    return this.#ms;
  }
}
