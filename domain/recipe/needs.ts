/** What an application must say, and must not, by the acts of its recipe. */
import { isRun, runsOf } from './composition.ts';
import { kindOf } from '../health/check.ts';
import type { ObservedApplication } from '../release/target.ts';
import type { ApplicationSpec } from '../inventory.ts';
import type { ActName, Composition } from './composition.ts';

/** `pointer`: into the application's document. */
export interface Misfit {
  readonly pointer: string;
  readonly message: string;
}

/** Empty: the application can be released by this recipe. */
export function misfitsOf(application: ApplicationSpec, composition: Composition): readonly Misfit[] {
  return [...ofProcess(application, composition), ...ofReload(application, composition), ...ofSchedule(application, composition)];
}

function ofProcess({ run, health }: ApplicationSpec, composition: Composition): Misfit[] {
  const { name } = composition;
  if (runsOf(composition) === 'process') return run.command.length > 0 ? [] : [{ pointer: '/run/command', message: `is needed: recipe ${name} starts a process` }];
  const checks = health.flatMap((check, index): Misfit[] => (kindOf(check) === 'process' ? [{ pointer: `/health/${index}/process`, message: `can never pass: recipe ${name} starts no process; ask by http, tcp or command` }] : []));
  return [...(run.command.length === 0 ? [] : [{ pointer: '/run/command', message: `must be left out: recipe ${name} starts no process` }]), ...checks];
}

function ofReload({ reload }: ApplicationSpec, composition: Composition): Misfit[] {
  if (does(composition, 'reload')) return reload === undefined ? [{ pointer: '/reload', message: `is needed: recipe ${composition.name} has a server of the host read the files anew` }] : [];
  return reload === undefined ? [] : [{ pointer: '/reload', message: `means nothing: recipe ${composition.name} has no reload` }];
}

function ofSchedule({ schedule }: ApplicationSpec, composition: Composition): Misfit[] {
  if (runsOf(composition) === 'schedule') return schedule === undefined ? [{ pointer: '/schedule', message: `is needed: recipe ${composition.name} has cron start its jobs` }] : [];
  return schedule === undefined ? [] : [{ pointer: '/schedule', message: `means nothing: recipe ${composition.name} has no cron entries` }];
}

/** Whether what stands on a host was released by a recipe of another kind: its process, or its cron entries, would be left behind. */
export function runsOtherwise({ digest, config, process, runs }: ObservedApplication, composition: Composition): boolean {
  if (digest === null || config === null) return false;
  // Nothing told of what runs: a process, or the remains of one.
  if (runs === undefined) return runsOf(composition) !== 'process' && process !== null;
  return runs !== runsOf(composition);
}

function does({ steps }: Composition, act: ActName): boolean {
  return Object.values(steps).some((acts) => acts.some((one) => !isRun(one) && one === act));
}
