/** Who may import whom: the direction of imports between the rooms of the house, and the npm packages that have one home. */
import { importsOf, packageOf } from './imports.ts';
import type { Import } from './imports.ts';
import type { SourceFile } from './tree.ts';

/** Tells why an import is against the rules of its room; null when it keeps them. */
type Rule = (file: string, found: Import) => string | null;

/** A room lists what it may import of this clone; a trailing `/` means everything below. Its own files are always allowed. */
interface Room {
  readonly may: readonly string[];
  /** erased imports besides: `import type` only */
  readonly mayAsTypes?: readonly string[];
  /** npm packages by pattern; without one, any but those that live elsewhere */
  readonly packages?: RegExp;
  readonly nodeModules: boolean;
}

/** Ports, and what is made of nothing but a port. */
const PORTS = ['drivers/executors/port.ts', 'drivers/health/port.ts', 'drivers/packages/port.ts', 'drivers/traffic/port.ts', 'drivers/traffic/several.ts'];

export const ROOMS: Readonly<Record<string, Room>> = {
  domain: { may: [], packages: /^$/, nodeModules: false },
  workflows: { may: ['domain/'], mayAsTypes: ['activities/'], packages: /^@temporalio\/workflow$/, nodeModules: false },
  activities: { may: ['domain/', 'db/', ...PORTS], packages: /^@temporalio\/(activity|common)$/, nodeModules: true },
  drivers: { may: ['domain/', ...PORTS], nodeModules: true },
  db: { may: ['domain/'], packages: /^(kysely|pg)$/, nodeModules: true },
  watchdog: { may: ['domain/', 'db/', 'workflows/messages.ts'], packages: /^@temporalio\/client$/, nodeModules: true },
  api: { may: ['domain/', 'db/', 'workflows/messages.ts', 'watchdog/', 'config.ts'], nodeModules: true },
  worker: { may: ['domain/', 'db/', 'drivers/', 'activities/', 'workflows/', 'watchdog/', 'config.ts'], nodeModules: true },
  cli: { may: [], nodeModules: true },
  console: { may: [], nodeModules: true },
  agent: { may: ['domain/vocabulary.ts'], nodeModules: true },
  stack: { may: ['db/migrate.ts', 'db/tokens.ts', 'db/client.ts', 'examples/demo/', 'config.ts'], nodeModules: true },
  examples: { may: ['domain/', 'drivers/', 'stack/'], nodeModules: true },
  docs: { may: ['domain/', 'api/schemas/'], nodeModules: true },
  bench: { may: ['domain/', 'db/', 'drivers/', 'activities/', 'workflows/', 'worker/', 'api/', 'stack/', 'examples/', 'cli/', 'config.ts'], nodeModules: true },
  host: { may: [], packages: /^$/, nodeModules: false },
  'config.ts': { may: [], packages: /^$/, nodeModules: true },
  'bootstrap.mjs': { may: [], packages: /^$/, nodeModules: true },
};

/** Rooms and files no rule is kept for: tests may reach anything, and tools read their own settings. */
const FREE = /^(test\/|vitest\.config\.ts$)/;

/** A process of a room may read the configuration its modules are given as values. */
const PROCESSES = new Set(['db/main.ts']);

const HOMES: readonly { readonly packages: RegExp; readonly rooms: RegExp; readonly why: string }[] = [
  { packages: /^@temporalio\//, rooms: /^(workflows|activities|worker|watchdog|stack|bench)$/, why: 'Temporal is spoken to by workflows, activities, the worker, the watchdog and the stack' },
  { packages: /^pg$/, rooms: /^(db|stack|bench)$/, why: 'Postgres is spoken to in db/' },
  { packages: /^kysely$/, rooms: /^(db|bench)$/, why: 'SQL lives in db/' },
  { packages: /^(express|helmet|better-sse|zod-openapi)$/, rooms: /^api$/, why: 'HTTP is served by api/' },
  { packages: /^(commander|log-update)$/, rooms: /^cli$/, why: 'the command line lives in cli/' },
];

/** Facts of a release are written by its workflow's activities alone; the API writes the inbox and the inventory. */
const FACT_WRITERS = ['appendReleaseEvents', 'appendTargetEvent', 'acquirePool', 'openRelease'];

/** Every import against the rules, one sentence each. */
export function wrongImports(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter(({ path }) => !FREE.test(path))
    .flatMap((file) => importsOf(file).flatMap((found) => RULES.map((rule) => rule(file.path, found)).filter((why) => why !== null)));
}

const withinRoom: Rule = (file, found) => {
  const name = roomOf(file);
  const room = ROOMS[name];
  if (room === undefined) return `${file}: the room ${name} has no rule of imports yet; give it one in test/tidy/rooms.ts`;
  const { target, typeOnly, specifier } = found;
  if (target === null) return specifier.startsWith('node:') && !room.nodeModules ? `${file} imports ${specifier}; ${name} may not reach outside` : null;
  const allowed = [`${name}/`, ...room.may, ...(typeOnly ? (room.mayAsTypes ?? []) : []), ...(PROCESSES.has(file) ? ['config.ts'] : [])];
  const fits = allowed.some((place) => (place.endsWith('/') ? target.startsWith(place) : target === place));
  return fits ? null : `${file} imports ${target}${typeOnly ? ' (types)' : ''}; ${name} may import ${allowed.join(', ')}`;
};

const packagesOfRoom: Rule = (file, found) => {
  const wanted = packageOf(found);
  if (wanted === null) return null;
  const room = roomOf(file);
  const listed = ROOMS[room]?.packages;
  if (listed && !listed.test(wanted)) return `${file} imports the package ${wanted}, which ${room} may not use`;
  const home = HOMES.find(({ packages }) => packages.test(wanted));
  return home && !home.rooms.test(room) && !found.typeOnly ? `${file} imports the package ${wanted}; ${home.why}` : null;
};

/** Drivers of one kind share their port and its helpers, never another driver; other kinds are reached through their port. */
const driversApart: Rule = (file, { target }) => {
  const [room, kind] = file.split('/');
  if (room !== 'drivers' || target === null || !target.startsWith('drivers/')) return null;
  if (!target.startsWith(`drivers/${kind}/`)) return target.endsWith('/port.ts') ? null : `${file} imports ${target}; of another kind of driver only its port may be known`;
  if (isDriver(target) && !file.endsWith('/factory.ts')) return `${file} imports the driver ${target}; only a factory knows drivers`;
  const owner = /^(drivers\/[^/]+\/[^/]+)\//.exec(target)?.[1];
  return owner === undefined || file === `${owner}.ts` || file.startsWith(`${owner}/`) ? null : `${file} imports ${target}, a part of the driver ${owner}.ts`;
};

/** Workers and the demo compose; nobody else on the server side knows a concrete driver. */
const DRIVERS = /^drivers\/(executors\/(local|ssh|salt|agent)|traffic\/(haproxy|nginx|command|none)|packages\/(file|http|s3|oci)|health\/(http|tcp|process|command))\.ts$/;

function isDriver(path: string): boolean {
  return DRIVERS.test(path);
}

const factsStayWithActivities: Rule = (file, { target, names }) => {
  if (roomOf(file) !== 'api' || !target?.startsWith('db/')) return null;
  const written = names.filter((name) => FACT_WRITERS.includes(name));
  return written.length > 0 ? `${file} imports ${written.join(', ')}; the events of a release are not the API's to write` : null;
};

const RULES: readonly Rule[] = [withinRoom, packagesOfRoom, driversApart, factsStayWithActivities];

function roomOf(path: string): string {
  return path.split('/')[0] ?? path;
}
