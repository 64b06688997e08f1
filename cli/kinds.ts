/** The kinds of objects `signalbox get` knows: where they live, and which columns a list shows. */

export interface Kind {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly path: string;
  /** what identifies one object */
  readonly key: (object: Fields) => string;
  readonly columns: readonly Column[];
  /** what else is known of each object, by its key: another list, which becomes this field of theirs; not shown as yaml, which can be applied again */
  readonly beside?: { readonly path: string; readonly one: (key: string) => string; readonly key: string; readonly field: string };
}

/** `wide`: shown only with -o wide; `isRare`: only when some object has something there. */
export interface Column {
  readonly heading: string;
  readonly cell: (object: Fields) => string;
  readonly wide?: boolean;
  readonly isRare?: boolean;
}

export type Fields = Readonly<Record<string, unknown>>;

const named = (object: Fields): string => text(object, 'name');

export const KINDS: readonly Kind[] = [
  {
    name: 'releases',
    aliases: ['release'],
    path: '/v1/releases',
    key: (object) => text(object, 'id'),
    columns: [
      column('ID', 'id'),
      column('POOL', 'pool'),
      column('STATUS', 'status'),
      { heading: 'CHANGES', cell: (object) => list(object, 'changes').map((change) => `${text(change, 'application')}=${text(change, 'to') || text(change, 'version')}`).join(' ') },
      column('BY', 'requestedBy'),
      column('CREATED', 'createdAt'),
      { ...column('FINISHED', 'finishedAt'), wide: true },
      { ...column('KIND', 'kind'), wide: true },
      { ...column('REASON', 'reason'), wide: true },
    ],
  },
  {
    name: 'applications',
    aliases: ['application', 'apps', 'app'],
    path: '/v1/applications',
    key: named,
    columns: [
      column('NAME', 'name'),
      column('RECIPE', 'recipe'),
      column('PRODUCT LINE', 'productLine'),
      { heading: 'OWNERS', cell: (object) => words(object, 'owners') },
      { heading: 'COMMAND', cell: (object) => words(fields(object, 'run'), 'command', ' '), wide: true },
    ],
  },
  {
    name: 'hosts',
    aliases: ['host'],
    path: '/v1/hosts',
    key: named,
    beside: { path: '/v1/liveness', one: (name) => `/v1/hosts/${encodeURIComponent(name)}/liveness`, key: 'host', field: 'liveness' },
    columns: [
      column('NAME', 'name'),
      { heading: 'LIVENESS', cell: (object) => standing(fields(object, 'liveness')) },
      { heading: 'LAST SEEN', cell: (object) => text(fields(object, 'liveness'), 'seenAt') || 'never' },
      { heading: 'STARTED AGAIN', cell: (object) => list(fields(object, 'liveness'), 'startedAgain').map((one) => `${text(one, 'application')} ${text(one, 'times')}×`).join(' '), isRare: true },
      column('ADDRESS', 'address'),
      column('ZONE', 'zone'),
      { heading: 'EXECUTOR', cell: (object) => text(fields(object, 'executor'), 'driver') },
      { heading: 'SITE', cell: (object) => text(object, 'site'), wide: true },
      { heading: 'ROOT', cell: (object) => text(fields(object, 'executor'), 'root'), wide: true },
      { heading: 'LABELS', cell: (object) => Object.entries(fields(object, 'labels')).map(([name, value]) => `${name}=${String(value)}`).join(' '), wide: true },
    ],
  },
  {
    name: 'pools',
    aliases: ['pool'],
    path: '/v1/pools',
    key: named,
    columns: [
      column('NAME', 'name'),
      column('ENVIRONMENT', 'environment'),
      { heading: 'APPLICATIONS', cell: (object) => words(object, 'applications') },
      { heading: 'HOSTS', cell: (object) => String(list(object, 'hosts').length) },
      { heading: 'MIN IN SERVICE', cell: (object) => `${text(fields(object, 'capacity'), 'minInServicePercent')}%` },
      column('STRATEGY', 'strategy'),
      { heading: 'TRAFFIC', cell: (object) => text(fields(object, 'traffic'), 'driver') },
      { heading: 'JOINS', cell: (object) => words(object, 'joins'), isRare: true },
      { ...column('BUSY', 'busy'), wide: true },
      { heading: 'HOST NAMES', cell: (object) => words(object, 'hosts'), wide: true },
    ],
  },
  {
    name: 'strategies',
    aliases: ['strategy'],
    path: '/v1/strategies',
    key: named,
    columns: [
      column('NAME', 'name'),
      { heading: 'BASTION', cell: (object) => text(fields(object, 'bastion'), 'count') },
      { heading: 'PERCENT', cell: (object) => words(fields(object, 'batches'), 'percent') },
      { heading: 'TOLERANCE', cell: (object) => text(fields(object, 'tolerance'), 'total') },
      column('ON FAILURE', 'onFailure'),
      { heading: 'ROLLBACK ON', cell: (object) => words(fields(object, 'rollback'), 'on'), wide: true },
    ],
  },
  {
    name: 'recipes',
    aliases: ['recipe'],
    path: '/v1/recipes',
    key: named,
    columns: [
      column('NAME', 'name'),
      column('EXTENDS', 'extends'),
      { heading: 'STEPS', cell: (object) => Object.entries(fields(object, 'steps')).map(([step, acts]) => `${step}=${(acts as readonly unknown[]).map((act) => (typeof act === 'string' ? act : 'run')).join('+')}`).join(' ') },
    ],
  },
  {
    name: 'packages',
    aliases: ['package', 'pkg'],
    path: '/v1/packages',
    key: (object) => text(object, 'id'),
    columns: [
      column('ID', 'id'),
      column('APPLICATION', 'application'),
      column('VERSION', 'version'),
      { heading: 'SHA256', cell: (object) => text(object, 'sha256').slice(0, 12) },
      column('BYTES', 'sizeBytes'),
      { ...column('URI', 'uri'), wide: true },
      { heading: 'COMMIT', cell: (object) => text(fields(object, 'source'), 'commit'), wide: true },
    ],
  },
  {
    name: 'findings',
    aliases: ['finding'],
    path: '/v1/findings',
    key: (object) => text(object, 'id'),
    columns: [column('ID', 'id'), column('KIND', 'kind'), column('SUBJECT', 'subject'), column('SINCE', 'openedAt'), column('FINDING', 'sentence'), { ...column('REPAIR', 'repair'), wide: true }, { ...column('WHY IT MATTERS', 'matters'), wide: true }],
  },
];

/** A kind by its name or an alias, in any case. */
export function findKind(name: string): Kind | undefined {
  const wanted = name.toLowerCase();
  return KINDS.find((kind) => kind.name === wanted || kind.aliases.includes(wanted));
}

/** `dead since …` names the first look without an answer. */
function standing(liveness: Fields): string {
  const since = text(liveness, 'deadSince');
  return since === '' ? text(liveness, 'state') : `dead since ${since}`;
}

function column(heading: string, field: string): Column {
  return { heading, cell: (object) => text(object, field) };
}

function text(object: Fields, field: string): string {
  const value = object[field];
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

function fields(object: Fields, field: string): Fields {
  const value = object[field];
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function list(object: Fields, field: string): readonly Fields[] {
  const value = object[field];
  return Array.isArray(value) ? (value as Fields[]) : [];
}

function words(object: Fields, field: string, separator = ','): string {
  return list(object, field).map(String).join(separator);
}
