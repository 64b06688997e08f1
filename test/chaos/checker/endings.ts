/**
 * I9: when all is over, every host is what the log says of it. The log's word on a host is worked out here from single steps, without the
 * product's own folds: the last switch that succeeded, the last observation, the last word on its traffic.
 */
import type { Found, Rule } from './judge.ts';
import type { ChaosRecord, HostAtEnd, LoggedEvent } from './record.ts';

export const endings: Rule = {
  id: 'I9',
  promise: 'In the end every host\'s build, place in traffic, lock and files are as the log says.',
  judge: (record) => record.hosts.flatMap((host) => [...leftBehind(host), ...differences(record, host)]),
};

function leftBehind({ host, owner, residue, processes }: HostAtEnd): readonly Found[] {
  return [
    ...(owner === null ? [] : [{ what: `${host} is still locked by release ${owner}` }]),
    ...residue.map((what) => ({ what: `${host} keeps ${what}` })),
    ...(processes > 1 ? [{ what: `${host} runs ${processes} processes of its application` }] : []),
  ];
}

/** What the log lets one expect; `null` where it lets one expect nothing, for it says itself that the outcome is open. */
interface Expected {
  readonly digest: string | null | undefined;
  readonly admin: string | null;
  readonly runs: boolean | null;
}

function differences({ events }: ChaosRecord, seen: HostAtEnd): readonly Found[] {
  const expected = events.toSorted((a, b) => a.position - b.position).reduce<Expected>((known, logged) => after(known, logged, seen.host, events), OPEN);
  return [
    ...(expected.digest === undefined || expected.digest === seen.digest ? [] : [{ what: `${seen.host} has ${short(seen.digest)} linked, the log says ${short(expected.digest)}` }]),
    ...(expected.admin === null || expected.admin === seen.admin ? [] : [{ what: `${seen.host} is ${seen.admin} at the balancer, the log says ${expected.admin}` }]),
    ...(expected.runs === null || expected.runs === seen.processes > 0 ? [] : [{ what: `${seen.host} runs ${seen.processes} processes, the log says ${expected.runs ? 'one' : 'none'}` }]),
  ];
}

const OPEN: Expected = { digest: undefined, admin: null, runs: null };

function after(known: Expected, { release, event }: LoggedEvent, host: string, events: readonly LoggedEvent[]): Expected {
  // Forward steps may be under way in this very moment: until the fence has looked, the log says nothing of the host.
  if (event.type === 'rollback-started' && event.data.batches.flat().includes(host)) return OPEN;
  if (!('host' in event.data) || event.data.host !== host) return known;
  switch (event.type) {
    case 'target-observed':
    case 'target-fenced': {
      const [application] = event.data.observation.applications;
      return application === undefined ? known : { digest: application.digest, runs: application.process !== null, admin: event.data.observation.traffic.admin };
    }
    case 'target-step-begun':
      return { ...known, admin: null };
    case 'target-step-succeeded': {
      const { step, direction, result } = event.data;
      if (step === 'stop') return { ...known, runs: false };
      if (step === 'start') return { ...known, runs: Object.keys(result.processes ?? {}).length > 0 ? true : null };
      if (step === 'switch') return { ...known, digest: direction === 'forward' ? stagedDigest(events, release, host) : before(events, release, host) };
      if (step === 'drain' || step === 'admit') return { ...known, admin: result.traffic?.admin ?? null };
      return known;
    }
    // Whatever failed may have taken effect or not: the log says no more than that it failed.
    case 'target-step-failed':
      return { ...known, ...(event.data.step === 'switch' ? { digest: undefined } : {}), ...(event.data.step === 'start' || event.data.step === 'stop' ? { runs: null } : {}), ...(event.data.step === 'admit' ? { admin: null } : {}) };
    default:
      return known;
  }
}

function stagedDigest(events: readonly LoggedEvent[], release: string, host: string): string | null | undefined {
  const staged = events.findLast((one) => one.release === release && one.event.type === 'target-staged' && one.event.data.host === host)?.event;
  return staged?.type === 'target-staged' ? (Object.values(staged.data.digests)[0] ?? undefined) : undefined;
}

/** A rollback restores what its release had found. A release of kind rollback restores what its own plan says, which is not worked out here. */
function before(events: readonly LoggedEvent[], release: string, host: string): string | null | undefined {
  const asked = events.find((one) => one.release === release && one.event.type === 'release-requested')?.event;
  if (asked?.type === 'release-requested' && asked.data.kind === 'rollback') return undefined;
  const observed = events.find((one) => one.release === release && one.event.type === 'target-observed' && one.event.data.host === host)?.event;
  return observed?.type === 'target-observed' ? (observed.data.observation.applications[0]?.digest ?? null) : undefined;
}

function short(digest: string | null): string {
  return digest?.slice(0, 12) ?? 'nothing';
}

