/** Is every site that a host names worked for? Told by Temporal, which knows when somebody last asked for calls on a site's queue. */
import type { Look, NewFinding } from './finding.ts';

export interface NamedSite {
  readonly site: string;
  /** that name it, in the order of their names */
  readonly hosts: readonly string[];
}

/** `askedAgoMs`: since a worker of the site last asked for a call; null: none did in the last minutes. `unknown`: Temporal does not say. */
export interface SiteLook extends NamedSite {
  readonly askedAgoMs: number | null | 'unknown';
}

/** A worker that has nothing to do asks once a minute, and what it asked for is open that long. */
export const SITE_SILENCE_MS_MAX = 75_000;

const SITE_SILENT = 'site-silent';
const NAMES_MAX = 5;

/** While Temporal does not say, what was found before stays. */
export function lookAtSites(looks: readonly SiteLook[]): Look {
  const unknown = new Set(looks.flatMap(({ site, askedAgoMs }) => (askedAgoMs === 'unknown' ? [idOf(site)] : [])));
  return { kinds: [SITE_SILENT], found: looks.filter(isSilent).map(siteSilent), isUnjudged: (id) => unknown.has(id) };
}

function isSilent({ askedAgoMs }: SiteLook): boolean {
  return askedAgoMs === null || (askedAgoMs !== 'unknown' && askedAgoMs > SITE_SILENCE_MS_MAX);
}

function idOf(site: string): string {
  return `${SITE_SILENT}/${site}`;
}

function siteSilent({ site, hosts }: SiteLook): NewFinding {
  const more = hosts.length > NAMES_MAX ? ` and ${hosts.length - NAMES_MAX} more` : '';
  return {
    id: idOf(site),
    kind: SITE_SILENT,
    subject: site,
    sentence: `No worker of site ${site} asks Temporal for work: all of them are gone, or their line is cut.`,
    matters: `${hosts.slice(0, NAMES_MAX).join(', ')}${more} cannot be reached. Releases wait for them and go on by themselves once a worker of the site is back; nothing is judged meanwhile, other sites go on, and what runs on the hosts goes on running. If the site is no more, take it out of its hosts.`,
    repair: `signalbox site-worker --site ${site}`,
  };
}
