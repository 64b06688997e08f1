/**
 * Which older version a pool can go back to. What a host ran is a stack: a release puts its version on top, a rollback takes off all that
 * stood above what it restored. So two rollbacks in a row lead two versions back, and none leads onto what it has just left.
 */
import { isSameInstall } from './rollback-plan.ts';
import type { Install } from './rollback-plan.ts';

/** One application on one host. */
export interface HostPast {
  readonly host: string;
  readonly application: string;
  /** what was found there at every look, oldest first; the last is what is there now */
  readonly installs: readonly Install[];
  /** digests of the releases kept on the host; null: nobody told, so the look in preparation decides */
  readonly kept: readonly string[] | null;
  /** run configurations on the host, of those in `installs`; null: nobody asked */
  readonly configs: readonly string[] | null;
}

export interface WayBackAsked {
  readonly application: string;
  /** a version, or `previous`: on each host what it ran before what it runs now */
  readonly to: string;
  /** every host of the pool */
  readonly pasts: readonly HostPast[];
  /** versions nobody may be brought onto */
  readonly quarantined: ReadonlySet<string>;
}

export interface WayBackRefusal {
  readonly code: 'identical' | 'not-kept' | 'nothing-before' | 'quarantined';
  readonly message: string;
  /** versions that can be had on every host, newest first */
  readonly available: readonly string[];
}

/** What one host gets. Hosts that have it already are not among the goals. */
export interface Goal {
  readonly host: string;
  readonly install: Install;
}

export type WayBack = { readonly goals: readonly Goal[] } | { readonly refusal: WayBackRefusal };

/** Refuses unless every host can have it, at least one does not have it yet, and nobody has quarantined it. */
export function chooseWayBack(asked: WayBackAsked): WayBack {
  const { application, to, pasts, quarantined } = asked;
  const available = versionsBack(asked);
  const refuse = (code: WayBackRefusal['code'], message: string): WayBack => ({ refusal: { code, message, available } });
  const found = pasts.map((past) => ({ host: past.host, now: past.installs.at(-1), install: to === 'previous' ? previousOf(past) : newestOf(past, to) }));
  const goals = found.flatMap(({ host, now, install }) => (install !== null && (now === undefined || !isSameInstall(now, install)) ? [{ host, install }] : []));
  const lacking = found.filter(({ install }) => install === null).map(({ host }) => host);
  const versions = [...new Set(found.flatMap(({ install }) => install?.version ?? []))];
  if (to === 'previous' && lacking.length === pasts.length) return refuse('nothing-before', `Nothing of ${application} that the hosts still keep ran before what runs now.`);
  if (lacking.length > 0) return refuse('not-kept', `${application} ${to} is not kept on ${listed(lacking)}, together with the run configuration it ran with.`);
  if (goals.length === 0) return refuse('identical', `Every host runs ${application} ${versions.join(', ')} already.`);
  const blocked = versions.filter((version) => quarantined.has(version));
  if (blocked.length > 0) return refuse('quarantined', `${application} ${blocked.join(', ')} is quarantined, and a rollback never leads onto a quarantined version.`);
  return { goals };
}

/**
 * The same before a release that brings `bringing`: every host gets a goal, also one that has it now, and nothing says that a host must
 * have anything else.
 */
export function chooseAhead(asked: WayBackAsked, bringing: string | null): WayBack {
  const { application, to, pasts, quarantined } = asked;
  const available = versionsKept(asked).filter((version) => version !== bringing);
  const found = pasts.map((past) => ({ host: past.host, install: newestOf(past, to) }));
  const lacking = found.filter(({ install }) => install === null).map(({ host }) => host);
  if (lacking.length > 0) return { refusal: { code: 'not-kept', message: `${application} ${to} is not kept on ${listed(lacking)}, together with the run configuration it ran with.`, available } };
  if (quarantined.has(to)) return { refusal: { code: 'quarantined', message: `${application} ${to} is quarantined, and a rollback never leads onto a quarantined version.`, available } };
  return { goals: found.flatMap(({ host, install }) => (install === null ? [] : [{ host, install }])) };
}

/** Versions every host has or keeps, newest first; without quarantined ones. */
function versionsKept({ pasts, quarantined }: WayBackAsked): readonly string[] {
  const versions = new Set(pasts.flatMap(({ installs }) => stackOf(installs).toReversed()).flatMap(({ version }) => version ?? []));
  return [...versions].filter((version) => !quarantined.has(version) && pasts.every((past) => newestOf(past, version) !== null));
}

/** Versions every host has or can go back to, at least one of them by going back; newest first; without quarantined ones. */
export function versionsBack({ pasts, quarantined }: WayBackAsked): readonly string[] {
  const stacks = pasts.map((past) => stackOf(past.installs));
  const versions = new Set(stacks.flatMap((stack) => stack.slice(0, -1).reverse()).flatMap(({ version }) => version ?? []));
  return [...versions].filter((version) => !quarantined.has(version) && pasts.every((past) => newestOf(past, version) !== null) && pasts.some((past) => past.installs.at(-1)?.version !== version));
}

/** Distinct installs, the one in force last. */
export function stackOf(installs: readonly Install[]): readonly Install[] {
  return installs.reduce<readonly Install[]>((stack, install) => {
    const place = stack.findIndex((below) => isSameInstall(below, install));
    return place < 0 ? [...stack, install] : stack.slice(0, place + 1);
  }, []);
}

function previousOf(past: HostPast): Install | null {
  const before = stackOf(past.installs).at(-2);
  return before !== undefined && isKept(past, before) ? before : null;
}

/** What is linked now is there, whoever told what is kept. */
function newestOf(past: HostPast, version: string): Install | null {
  const stack = stackOf(past.installs);
  return stack.findLast((install, place) => install.version === version && install.digest !== null && (place === stack.length - 1 || isKept(past, install))) ?? null;
}

/** Nothing installed is nothing to go back to: that is what rolling back the first release does. */
function isKept({ kept, configs }: HostPast, { digest, config }: Install): boolean {
  if (digest === null || config === null) return false;
  return (kept === null || kept.includes(digest)) && (configs === null || configs.includes(config));
}

const NAMES_MAX = 5;

function listed(hosts: readonly string[]): string {
  return hosts.length > NAMES_MAX ? `${hosts.slice(0, NAMES_MAX).join(', ')} and ${hosts.length - NAMES_MAX} more` : hosts.join(', ');
}
