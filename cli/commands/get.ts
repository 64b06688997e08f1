/** `signalbox get KIND [NAME]`: what the server knows, as a table or for programs. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { Client } from '../client.ts';
import { Complaint } from '../complaint.ts';
import { EXIT } from '../exit-codes.ts';
import { KINDS, findKind } from '../kinds.ts';
import type { Fields, Kind } from '../kinds.ts';
import { table } from '../render/table.ts';
import { remote } from '../shell.ts';
import type { RemoteFlags, Shell } from '../shell.ts';

interface GetFlags extends RemoteFlags {
  readonly output?: 'json' | 'yaml' | 'wide' | 'name';
  readonly limit: string;
  readonly pool?: string;
  readonly application?: string;
  readonly status?: string;
  readonly since?: string;
}

const FILTERS = ['pool', 'application', 'status', 'since'] as const;
const PAGE = 200;

export function addGet(program: Command, shell: Shell): void {
  remote(
    program
      .command('get <kind> [name]')
      .helpGroup('Inventory:')
      .description(`list objects or show one: ${KINDS.map((kind) => kind.name).join(', ')}`)
      .addOption(new Option('-o, --output <format>', 'how to show it').choices(['json', 'yaml', 'wide', 'name']))
      .option('--limit <count>', 'at most so many', '500')
      .option('--pool <name>', 'releases of this pool')
      .option('--application <name>', 'releases or packages of this application')
      .option('--status <status>', 'releases with this status')
      .option('--since <time>', 'releases created since, as an ISO 8601 time'),
  ).action(shell.run((kind: string, name: string | undefined, flags: GetFlags) => get(kind, name, flags, shell)));
}

async function get(kindName: string, name: string | undefined, flags: GetFlags, shell: Shell): Promise<void> {
  const kind = findKind(kindName);
  if (kind === undefined) throw new Complaint(EXIT.usage, `There is no kind "${kindName}".`, [`kinds: ${KINDS.map((known) => known.name).join(', ')}`]);
  const client = shell.client(flags);
  const plain = name === undefined ? await listObjects(client, kind.path, flags) : [await client.get<Fields>(`${kind.path}/${encodeURIComponent(name)}`)];
  const objects = flags.output === 'yaml' || flags.output === 'name' ? plain : await withBeside(client, kind, { name, flags, objects: plain });
  const single = name !== undefined;
  switch (flags.output) {
    case 'json':
      return shell.say(JSON.stringify(single ? objects[0] : objects, null, 2));
    case 'yaml':
      return shell.say(objects.map((object) => stringify(object).trimEnd()).join('\n---\n'));
    case 'name':
      return shell.say(...objects.map(kind.key));
    default:
      return shell.say(...tableOf(kind, objects, flags.output === 'wide'));
  }
}

function tableOf(kind: Kind, objects: readonly Fields[], wide: boolean): string[] {
  if (objects.length === 0) return [`no ${kind.name}`];
  const columns = kind.columns.filter((column) => (wide || column.wide !== true) && (column.isRare !== true || objects.some((object) => column.cell(object) !== '')));
  return table(columns.map((column) => column.heading), objects.map((object) => columns.map((column) => column.cell(object))));
}

interface Listed {
  readonly name: string | undefined;
  readonly flags: GetFlags;
  readonly objects: readonly Fields[];
}

async function withBeside(client: Client, { key: keyOf, beside }: Kind, { name, flags, objects }: Listed): Promise<readonly Fields[]> {
  if (beside === undefined) return objects;
  const known = name === undefined ? await listObjects(client, beside.path, flags) : [await client.get<Fields>(beside.one(name))];
  const byKey = new Map(known.map((one) => [String(one[beside.key]), one]));
  return objects.map((object) => ({ ...object, [beside.field]: byKey.get(keyOf(object)) ?? null }));
}

/** Pages until the list ends or `--limit` is reached. */
async function listObjects(client: Client, path: string, flags: GetFlags): Promise<Fields[]> {
  const limit = Number(flags.limit);
  if (!Number.isInteger(limit) || limit < 1) throw new Complaint(EXIT.usage, `--limit "${flags.limit}" is not a whole number above 0.`);
  const objects: Fields[] = [];
  for (let cursor: string | null = null; ; ) {
    const query = new URLSearchParams({ limit: String(Math.min(PAGE, limit - objects.length)) });
    for (const filter of FILTERS) if (flags[filter] !== undefined) query.set(filter, flags[filter]);
    if (cursor !== null) query.set('cursor', cursor);
    const page: { items: readonly Fields[]; next: string | null } = await client.get(`${path}?${query}`);
    objects.push(...page.items);
    if (page.next === null || page.items.length === 0 || objects.length >= limit) return objects.slice(0, limit);
    cursor = page.next;
  }
}
