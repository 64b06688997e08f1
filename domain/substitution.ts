/** `${name}` in run commands, environments, ports and server names becomes a value, in one pass: a value is never read again. */
import type { ApplicationSpec, HostSpec, Variables } from './inventory.ts';

/** `undefined` lists what had no value, each once, in the order of the text. */
export type Substitution = { readonly text: string } | { readonly undefined: readonly string[] };

/** What a target's variables come from. `version` null: no release is at hand, so `${version}` has no value. */
export interface VariableSources {
  readonly application: Pick<ApplicationSpec, 'variables'>;
  readonly pool?: { readonly name: string; readonly variables?: Variables };
  readonly host: Pick<HostSpec, 'name' | 'address' | 'zone' | 'variables'>;
  readonly environment: string;
  readonly version: string | null;
}

const ESCAPE = '$${';
const OPENING = '${';
const TOKEN = /\$\$\{|\$\{([^}]*)\}|\$\{.*/gs;

/**
 * Replaces each `${name}` by its variable; `$${` gives a plain `${`. A `${` that is never closed counts as undefined and is
 * reported as it stands, for a forgotten brace must not reach a command line.
 */
export function substitute(text: string, variables: Variables): Substitution {
  const missing = new Set<string>();
  const replaced = text.replace(TOKEN, (token: string, name: string | undefined) => {
    if (token === ESCAPE) return OPENING;
    // Own members only: `${constructor}` must not find what every object inherits.
    const value = name !== undefined && Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (value === undefined) missing.add(name ?? token);
    return value ?? '';
  });
  return missing.size === 0 ? { text: replaced } : { undefined: [...missing] };
}

/** All variables of one target; host wins over pool, pool over application, application over the built-in ones. */
export function variablesOf(sources: VariableSources): Variables {
  const { application, pool, host, environment, version } = sources;
  return {
    'host.name': host.name,
    'host.address': host.address,
    'host.zone': host.zone,
    ...(pool === undefined ? {} : { 'pool.name': pool.name }),
    environment,
    ...(version === null ? {} : { version }),
    ...application.variables,
    ...pool?.variables,
    ...host.variables,
  };
}
