/** Flags of `npm start`. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';

export interface StartArguments {
  /** end with the demo's result instead of staying up */
  readonly once: boolean;
  readonly demo: boolean;
  readonly dataDir: string;
  readonly apiPort: number;
  /** null = the port of temporal-dev.yml */
  readonly temporalPort: number | null;
  readonly uiPort: number | null;
  /** null = a free one */
  readonly postgresPort: number | null;
  /** a running Temporal to use */
  readonly temporalAddress: string | null;
  /** the schema owner's address of a running Postgres to use */
  readonly databaseUrl: string | null;
}

export const START_USAGE = `usage: npm start -- [flags]
  --once                   release the demo fleet, then end with the demo's result
  --no-demo                start empty
  --data DIR               where everything is kept (default .signalbox)
  --api-port N             default 8300
  --temporal-port N        default 7233
  --ui-port N              Temporal's web page, default 8233
  --postgres-port N        default: a free one
  --temporal-address A     use a running Temporal (host:port)
  --database-url U         use a running Postgres (the schema owner's address; also DATABASE_URL)`;

/** The command line is wrong: the message names every complaint, the caller shows START_USAGE and ends with 2. */
export class WrongArguments extends Error {
  override readonly name = 'WrongArguments';
}

const DEFAULT_API_PORT = 8300;

const FLAGS = {
  once: { type: 'boolean', default: false },
  'no-demo': { type: 'boolean', default: false },
  data: { type: 'string' },
  'api-port': { type: 'string' },
  'temporal-port': { type: 'string' },
  'ui-port': { type: 'string' },
  'postgres-port': { type: 'string' },
  'temporal-address': { type: 'string' },
  'database-url': { type: 'string' },
} as const;

/** Throws WrongArguments with all complaints at once. */
export function parseStartArguments(args: readonly string[], context: { readonly clone: string; readonly env: Readonly<Record<string, string | undefined>> }): StartArguments {
  const values = parsed(args);
  const complaints: string[] = [];
  const port = (name: 'api-port' | 'temporal-port' | 'ui-port' | 'postgres-port'): number | null => {
    const text = values[name];
    if (text === undefined) return null;
    if (!/^[0-9]{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 65_535) complaints.push(`--${name} must be a port from 1 to 65535, not ${JSON.stringify(text)}`);
    return Number(text);
  };
  const [apiPort, temporalPort, uiPort, postgresPort] = [port('api-port') ?? DEFAULT_API_PORT, port('temporal-port'), port('ui-port'), port('postgres-port')];
  const temporalAddress = values['temporal-address'] ?? null;
  if (temporalAddress !== null && !/^[^\s/@]+:[0-9]{1,5}$/.test(temporalAddress)) complaints.push(`--temporal-address must be host:port, not ${JSON.stringify(temporalAddress)}`);
  const databaseUrl = values['database-url'] ?? (context.env['DATABASE_URL'] || null);
  if (databaseUrl !== null && !isPostgresUrl(databaseUrl)) complaints.push('--database-url (or DATABASE_URL) must be postgres://user:password@host:port/database');
  if (values['data'] === '') complaints.push('--data must name a folder');
  if (values.once && values['no-demo']) complaints.push('--once waits for the demo and --no-demo leaves it out: give one of them');
  if (complaints.length > 0) throw new WrongArguments(complaints.join('\n'));
  return {
    once: values.once,
    demo: !values['no-demo'],
    dataDir: values['data'] ?? join(context.clone, '.signalbox'),
    apiPort,
    temporalPort,
    uiPort,
    postgresPort,
    temporalAddress,
    databaseUrl,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new WrongArguments((error as Error).message);
  }
}

function isPostgresUrl(text: string): boolean {
  return URL.canParse(text) && /^postgres(ql)?:$/.test(new URL(text).protocol);
}
