/** Every `${name}` of a pool's applications and balancer, tried out for every host: an undefined one is found before a release is. */
import { programTexts } from '../domain/recipe/composition.ts';
import type { Composition } from '../domain/recipe/composition.ts';
import type { ApplicationSpec, HealthCheck, HostSpec, PoolSpec, StrategySpec } from '../domain/inventory.ts';
import { textsOf } from '../domain/health/check.ts';
import { isServerName } from '../domain/names.ts';
import { serverName } from '../domain/server-name.ts';
import { substitute, variablesOf } from '../domain/substitution.ts';

/** `field` is a JSON pointer into the document that `of` names. */
export interface BadSubstitution {
  readonly of: 'application' | 'pool' | 'strategy';
  readonly application: string;
  readonly host: string;
  readonly field: string;
  readonly message: string;
}

interface Place {
  readonly pool: PoolSpec;
  readonly application: ApplicationSpec;
  readonly host: HostSpec;
  /** null stands for any version: what it gives is not known yet */
  readonly version: string | null;
}

/**
 * All complaints of the bastion's own checks: each is asked of the first application that a release changes, which may be any of the
 * pool, so its variables must be known to all of them.
 */
export function badBastionChecks(strategy: StrategySpec, pool: PoolSpec, applications: readonly ApplicationSpec[], hosts: readonly HostSpec[]): readonly BadSubstitution[] {
  const texts = textsOfList(strategy.bastion.health ?? [], '/bastion/health');
  return hosts.flatMap((host) => applications.flatMap((application) => badOf({ pool, application, host, version: null }, 'strategy', texts)));
}

/** All complaints of the programs that an application's recipe runs; said of the application, which names the recipe. */
export function badPrograms(pool: PoolSpec, application: ApplicationSpec, composition: Composition, hosts: readonly HostSpec[]): readonly BadSubstitution[] {
  const texts = programTexts(composition);
  const known = { ...application, variables: { ...application.variables, 'run.program': 'program' } };
  return hosts.flatMap((host) =>
    texts.flatMap(([place, text]): BadSubstitution[] => {
      const message = complaint({ pool, application: known, host, version: null }, text, anything);
      return message === null ? [] : [{ of: 'application', application: application.name, host: host.name, field: '/recipe', message: `${place} of recipe ${composition.name}: ${message}` }];
    }),
  );
}

/** All complaints of one pool; `versions` per application where they are known. */
export function badSubstitutions(pool: PoolSpec, applications: readonly ApplicationSpec[], hosts: readonly HostSpec[], versions: Readonly<Record<string, string>> = {}): readonly BadSubstitution[] {
  const bad: BadSubstitution[] = [];
  for (const host of hosts) {
    for (const application of applications) bad.push(...badOf({ pool, application, host, version: versions[application.name] ?? null }, 'application', fieldsOf(application)));
  }
  return [...bad, ...badServers(pool, applications, hosts)];
}

function badOf(place: Place, of: BadSubstitution['of'], fields: readonly [string, string][]): BadSubstitution[] {
  return fields.flatMap(([field, text]): BadSubstitution[] => {
    const message = complaint(place, text, allowedIn(field));
    return message === null ? [] : [{ of, application: place.application.name, host: place.host.name, field, message }];
  });
}

function complaint(place: Place, text: string, allows: (value: string) => boolean): string | null {
  const { pool, application, host } = place;
  const variables = variablesOf({ application, pool: { name: pool.name }, host, environment: pool.environment, version: place.version ?? 'version' });
  const result = substitute(text, variables);
  if ('undefined' in result) {
    const names = result.undefined.map((name) => `\${${name}}`).join(', ');
    return `${names} is not defined for host ${host.name} in pool ${pool.name}; define it as a variable of the host or the application`;
  }
  return allows(result.text) ? null : `"${result.text}" is what host ${host.name} gives here, and that is not allowed`;
}

/** Two hosts must not share a balancer's server: draining one would drain the other. */
function badServers({ traffic }: PoolSpec, applications: readonly ApplicationSpec[], hosts: readonly HostSpec[]): BadSubstitution[] {
  const [application] = applications;
  if (traffic.driver === 'none' || application === undefined) return [];
  const taken = new Map<string, string>();
  return hosts.flatMap((host): BadSubstitution[] => {
    const place = { of: 'pool', application: application.name, host: host.name, field: '/traffic/server' } as const;
    const name = serverName(traffic, host.name);
    if (!isServerName(name)) return [{ ...place, message: `"${name}" is what host ${host.name} gives here, and that is not allowed` }];
    const other = taken.get(name);
    taken.set(name, host.name);
    return other === undefined ? [] : [{ ...place, message: `hosts ${other} and ${host.name} would both be server ${name}` }];
  });
}

function fieldsOf(application: ApplicationSpec): [string, string][] {
  const { run, health, hooks = [] } = application;
  return [
    ...run.command.map((text, index): [string, string] => [`/run/command/${index}`, text]),
    ...Object.entries(run.env).map(([name, text]): [string, string] => [`/run/env/${name}`, text]),
    ...(application.reload === undefined ? [] : [['/reload/pidFile', application.reload.pidFile] as [string, string]]),
    ...scheduleTexts(application),
    ...textsOfList(health, '/health'),
    ...hooks.flatMap(({ command, url }, index) => [...command.map((text, word): [string, string] => [`/hooks/${index}/command/${word}`, text]), ...(url === undefined ? [] : [[`/hooks/${index}/url`, url] as [string, string]])]),
  ];
}

function scheduleTexts({ schedule }: ApplicationSpec): [string, string][] {
  if (schedule === undefined) return [];
  const words = schedule.entries.flatMap(({ command }, entry) => command.map((text, word): [string, string] => [`/schedule/entries/${entry}/command/${word}`, text]));
  return [['/schedule/file', schedule.file], ...words];
}

function textsOfList(list: readonly HealthCheck[], base: string): [string, string][] {
  return list.flatMap((check, index) => textsOf(check).map(([pointer, text]): [string, string] => [`${base}/${index}${pointer}`, text]));
}

function allowedIn(field: string): (text: string) => boolean {
  if (field.endsWith('/port')) return isPort;
  return field === '/reload/pidFile' || field === '/schedule/file' ? (text) => text.startsWith('/') : anything;
}

function isPort(text: string): boolean {
  return /^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 65535;
}

function anything(): boolean {
  return true;
}
