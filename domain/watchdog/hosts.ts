/** Does a host that no release owns still run what the last release left on it? Asked of a few hosts in each turn, so that all are seen in time. */
import { repairCommand, type Look, type NewFinding } from './finding.ts';

/** What the log says an application runs on a host; `digest` null: nothing. */
export interface ExpectedInstall {
  readonly application: string;
  readonly version: string | null;
  readonly digest: string | null;
}

export interface SeenHost {
  readonly host: string;
  readonly pool: string;
  readonly expected: readonly ExpectedInstall[];
  /** what is linked there; applications the host says nothing about are left out */
  readonly observed: readonly ExpectedInstall[];
  /** of break-glass; null or empty: nobody used it */
  readonly marker: string | null;
}

/** What can be found on a host by comparing it with the log. */
export const HOST_KINDS = ['break-glass', 'host-differs'] as const;

/** Of hosts that were not looked at, or that a release took meanwhile, nothing is said. */
export function lookAtInstalls(seen: readonly SeenHost[]): Look {
  const judged = new Set(seen.map(({ host }) => host));
  return { kinds: HOST_KINDS, found: seen.flatMap((one) => findingOfHost(one) ?? []), isUnjudged: (id) => !judged.has(id.split('/')[1] ?? '') };
}

/** Break-glass first: until the host is adopted it runs what its console said, and differing is no news. */
export function findingOfHost({ host, pool, expected, observed, marker }: SeenHost): NewFinding | null {
  if (marker !== null && marker !== '') return breakGlass(host, pool, marker);
  const differences = expected.flatMap(({ application, version, digest }) => {
    const seen = observed.find((one) => one.application === application);
    if (seen === undefined || seen.digest === digest) return [];
    return [{ application, version, text: `${application} ${named(seen)}, the log says ${named({ version, digest })}` }];
  });
  const changes = differences.flatMap(({ application, version }) => (version === null ? [] : [`${application}=${version}`]));
  if (differences.length === 0) return null;
  return {
    id: `host-differs/${host}`,
    kind: 'host-differs',
    subject: host,
    sentence: `${host} runs ${differences.map(({ text }) => text).join('; ')}.`,
    matters: 'Somebody changed it by hand or another tool did: users of this host get another version, and a rollback onto it would be refused. The command below touches only hosts that differ.',
    repair: changes.length === 0 ? `Look at ${host}: the log says that nothing of ours runs there.` : `signalbox release ${pool} ${changes.join(' ')} --reason ...`,
    about: { host, pool },
  };
}

function breakGlass(host: string, pool: string, marker: string): NewFinding {
  const id = `break-glass/${host}`;
  return {
    id,
    kind: 'break-glass',
    subject: host,
    sentence: `Somebody put ${host} back by hand on its own console (${marker}); it obeys nobody until it is adopted.`,
    matters: `Every release that has ${host} is refused until then. Adopting changes nothing on the host: it only obeys again, and what it runs is compared with the log from then on.`,
    repair: repairCommand(id),
    verb: 'adopt-host',
    about: { host, pool, marker },
  };
}

function named({ version, digest }: Pick<ExpectedInstall, 'version' | 'digest'>): string {
  return digest === null ? 'nothing' : `${version ?? 'an unknown version'} (${digest.slice(0, 12)})`;
}

/** The next `count` of the list behind the one that came last, round and round; each once. */
export function nextInTurn(names: readonly string[], after: string | null, count: number): readonly string[] {
  const sorted = [...names].sort();
  const start = after === null ? 0 : sorted.findIndex((name) => name > after);
  const turned = start <= 0 ? sorted : [...sorted.slice(start), ...sorted.slice(0, start)];
  return turned.slice(0, count);
}
