/** What a release would do otherwise than the last good one of its pool: what to look at first when it goes wrong. */
import { differences } from '../difference.ts';
import type { FieldChange } from '../difference.ts';
import type { Inventory } from '../inventory.ts';

/** A release as it is compared. `seconds`: how long it took, or is expected to take. */
export interface Comparable {
  readonly inventory: Inventory;
  readonly batches: number;
  readonly seconds: number;
}

export interface LastGood extends Comparable {
  readonly release: string;
  /** ISO 8601 UTC */
  readonly finishedAt: string;
}

/** Pointers of `config` begin with the application's name, those of `strategy` at the strategy. */
export interface Different {
  readonly release: string;
  readonly finishedAt: string;
  readonly versions: readonly { readonly application: string; readonly from: string | null; readonly to: string }[];
  readonly config: readonly FieldChange[];
  readonly strategy: readonly FieldChange[];
  readonly hosts: { readonly joined: readonly string[]; readonly left: readonly string[] };
  /** hosts that an earlier release left out of service */
  readonly outOfService: readonly string[];
  readonly batches: { readonly from: number; readonly to: number };
  readonly seconds: { readonly from: number; readonly to: number };
}

/** Applications that the last good release did not bring have no `from`; their configuration is not compared. */
export function different(before: LastGood, now: Comparable, outOfService: readonly string[]): Different {
  const namesOf = ({ inventory }: Comparable): string[] => inventory.hosts.map(({ name }) => name);
  const [was, is] = [namesOf(before), namesOf(now)];
  return {
    release: before.release,
    finishedAt: before.finishedAt,
    versions: versionsOf(before.inventory, now.inventory),
    config: configOf(before.inventory, now.inventory),
    strategy: differences(before.inventory.strategy, now.inventory.strategy),
    hosts: { joined: missingIn(was, is), left: missingIn(is, was) },
    outOfService,
    batches: { from: before.batches, to: now.batches },
    seconds: { from: before.seconds, to: now.seconds },
  };
}

/** Those of the second list that the first has not. */
function missingIn(first: readonly string[], second: readonly string[]): string[] {
  const known = new Set(first);
  return second.filter((name) => !known.has(name));
}

function versionsOf(before: Inventory, now: Inventory): Different['versions'] {
  return now.packages.flatMap(({ application, version: to }) => {
    const from = before.packages.find((one) => one.application === application)?.version ?? null;
    return from === to ? [] : [{ application, from, to }];
  });
}

function configOf(before: Inventory, now: Inventory): readonly FieldChange[] {
  return now.applications.flatMap((application) => {
    const was = before.applications.find(({ name }) => name === application.name);
    return was === undefined ? [] : differences(was, application, `/${application.name}`);
  });
}
