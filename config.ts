/** Environment → one frozen Config. The only reader of process.env on the server side; unknown SIGNALBOX_ names are errors. */
import { readFileSync } from 'node:fs';

export interface Config {
  /** the service role's address: may append events, may not change them or the schema */
  readonly databaseUrl: string;
  /** the schema owner's address, only for `migrate` */
  readonly migrateUrl: string | null;
  readonly temporalAddress: string;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly apiHost: string;
  readonly apiPort: number;
  /** how hosts reach the API's package files */
  readonly publicUrl: string;
  readonly temporalUiUrl: string | null;
  readonly dataDir: string;
  /** package URIs must begin with one of these */
  readonly stores: readonly string[];
  readonly logLevel: string;
  readonly workerPort: number;
  /** hosts fetching packages at the same time, over all releases of this worker */
  readonly fetchesMax: number;
  /** between the beginnings of two fleet checks; 0: none begins by itself */
  readonly fleetCheckSeconds: number;
  /** dead services are started again outside releases */
  readonly keepAlive: boolean;
  /** prebuilt workflow bundle, else the worker bundles at start */
  readonly workflowBundle: string | null;
  /** names this build of the worker: releases stay with the build that began them. null: what its code is; `none`: Temporal is told of no builds */
  readonly build: string | null;
  /** socket of the ssh agent of whoever started the worker */
  readonly sshAgent: string | null;
  /** 32 bytes each, in base64: what sites are told and answer is closed with the first and opened with any; empty: no site can be reached */
  readonly siteKeys: readonly string[];
}

/** What a worker inside a site needs: it has neither database nor balancer. */
export type SiteConfig = Pick<Config, 'temporalAddress' | 'namespace' | 'taskQueue' | 'logLevel' | 'workerPort' | 'sshAgent' | 'siteKeys'>;

const KNOWN: Readonly<Record<string, string>> = {
  SIGNALBOX_DATABASE_URL: 'postgres://…, service role',
  SIGNALBOX_MIGRATE_URL: 'postgres://…, schema owner',
  SIGNALBOX_SERVICE_PASSWORD: 'password `migrate` gives the role of the services',
  SIGNALBOX_TEMPORAL_ADDRESS: 'host:port (default 127.0.0.1:7233)',
  SIGNALBOX_NAMESPACE: 'Temporal namespace (default "default")',
  SIGNALBOX_TASK_QUEUE: 'default "signalbox"',
  SIGNALBOX_API_HOST: 'default 127.0.0.1',
  SIGNALBOX_API_PORT: 'default 8300',
  SIGNALBOX_PUBLIC_URL: 'default http://<api host>:<api port>',
  SIGNALBOX_TEMPORAL_UI_URL: 'for links only',
  SIGNALBOX_DATA: 'folder for uploaded packages (default .signalbox)',
  SIGNALBOX_STORES: 'comma-separated URI prefixes packages may come from',
  SIGNALBOX_LOG_LEVEL: 'default info',
  SIGNALBOX_WORKER_PORT: 'health and metrics of the worker (default 8310)',
  SIGNALBOX_FETCHES_MAX: 'default 10',
  SIGNALBOX_FLEET_CHECK_SECONDS: 'between two looks at every host, 10 to 600, or 0 for none (default 300)',
  SIGNALBOX_KEEP_ALIVE: 'on or off: start dead services again outside releases (default on)',
  SIGNALBOX_WORKFLOW_BUNDLE: 'file',
  SIGNALBOX_BUILD: 'name of this build of the worker, or `none` (default: a digest of its code)',
  SIGNALBOX_SITE_KEY: 'key that the workers and those of sites have in common: 32 bytes in base64; while keys are exchanged several, one a line',
  SIGNALBOX_URL: 'for the command line',
  SIGNALBOX_TOKEN: 'for the command line',
};

/** What `migrate` needs, and nothing else. */
export function readMigrateConfig(env: Environment = process.env): { readonly migrateUrl: string; readonly servicePassword: string | null } {
  const complaints: string[] = [];
  const migrateUrl = setting(env, 'SIGNALBOX_MIGRATE_URL', null, complaints);
  const servicePassword = setting(env, 'SIGNALBOX_SERVICE_PASSWORD', '', complaints) || null;
  refuse(complaints);
  return { migrateUrl, servicePassword };
}

type Environment = Readonly<Record<string, string | undefined>>;

function setting(env: Environment, name: string, fallback: string | null, complaints: string[]): string {
  const file = env[`${name}_FILE`];
  const value = file === undefined ? env[name] : readFileSync(file, 'utf8').trim();
  if (value !== undefined && value !== '') return value;
  if (fallback === null) complaints.push(`${name} is missing: ${KNOWN[name]}`);
  return fallback ?? '';
}

function refuse(complaints: readonly string[]): void {
  if (complaints.length > 0) throw new Error(`The configuration is wrong:\n  ${complaints.join('\n  ')}`);
}

/** All complaints at once. `NAME_FILE` names a file that holds the value. */
export function readConfig(env: Environment = process.env): Config {
  const settings = new Settings(env);
  const apiHost = settings.text('SIGNALBOX_API_HOST', '127.0.0.1');
  const apiPort = settings.number('SIGNALBOX_API_PORT', 8300);
  const publicUrl = settings.text('SIGNALBOX_PUBLIC_URL', `http://${apiHost}:${apiPort}`);
  const config: Config = {
    databaseUrl: settings.text('SIGNALBOX_DATABASE_URL', null),
    migrateUrl: settings.text('SIGNALBOX_MIGRATE_URL', '') || null,
    ...everyWorkers(settings),
    apiHost,
    apiPort,
    publicUrl,
    temporalUiUrl: settings.text('SIGNALBOX_TEMPORAL_UI_URL', '') || null,
    dataDir: settings.text('SIGNALBOX_DATA', '.signalbox'),
    stores: settings.text('SIGNALBOX_STORES', '').split(',').filter((prefix) => prefix !== ''),
    fetchesMax: settings.number('SIGNALBOX_FETCHES_MAX', 10),
    workflowBundle: settings.text('SIGNALBOX_WORKFLOW_BUNDLE', '') || null,
    build: buildName(settings.text('SIGNALBOX_BUILD', ''), settings.complaints),
    fleetCheckSeconds: fleetCheckSeconds(settings.number('SIGNALBOX_FLEET_CHECK_SECONDS', 300), settings.complaints),
    keepAlive: isOn(settings.text('SIGNALBOX_KEEP_ALIVE', 'on'), settings.complaints),
  };
  refuse(settings.complaints);
  return Object.freeze(config);
}

function isOn(word: string, complaints: string[]): boolean {
  if (word !== 'on' && word !== 'off') complaints.push('SIGNALBOX_KEEP_ALIVE must be on or off');
  return word === 'on';
}

/** A host that was not looked at for 15 minutes stands as unknown. */
function fleetCheckSeconds(seconds: number, complaints: string[]): number {
  if (seconds !== 0 && (seconds < 10 || seconds > 600)) complaints.push('SIGNALBOX_FLEET_CHECK_SECONDS must be 0 or from 10 to 600');
  return seconds;
}

/** The same for a worker inside a site, which needs a key. */
export function readSiteConfig(env: Environment = process.env): SiteConfig {
  const settings = new Settings(env);
  settings.text('SIGNALBOX_SITE_KEY', null);
  const config = everyWorkers(settings);
  refuse(settings.complaints);
  return Object.freeze(config);
}

/** One reading of the environment; gathers what is wrong with it. */
class Settings {
  readonly complaints: string[] = [];
  readonly #env: Environment;

  constructor(env: Environment) {
    this.#env = env;
    for (const name of Object.keys(env)) {
      const base = name.endsWith('_FILE') ? name.slice(0, -5) : name;
      if (name.startsWith('SIGNALBOX_') && !(base in KNOWN)) this.complaints.push(`${name} is not a setting; known: ${Object.keys(KNOWN).join(', ')}`);
    }
  }

  text(name: string, fallback: string | null): string {
    return setting(this.#env, name, fallback, this.complaints);
  }

  number(name: string, fallback: number): number {
    const value = Number(this.text(name, String(fallback)));
    if (!Number.isInteger(value) || value < 0 || value > 65535) this.complaints.push(`${name} must be a whole number from 0 to 65535`);
    return value;
  }

  get sshAgent(): string | null {
    return this.#env['SSH_AUTH_SOCK'] || null;
  }
}

function everyWorkers(settings: Settings): SiteConfig {
  return {
    temporalAddress: settings.text('SIGNALBOX_TEMPORAL_ADDRESS', '127.0.0.1:7233'),
    namespace: settings.text('SIGNALBOX_NAMESPACE', 'default'),
    taskQueue: settings.text('SIGNALBOX_TASK_QUEUE', 'signalbox'),
    logLevel: settings.text('SIGNALBOX_LOG_LEVEL', 'info'),
    workerPort: settings.number('SIGNALBOX_WORKER_PORT', 8310),
    sshAgent: settings.sshAgent,
    siteKeys: siteKeys(settings.text('SIGNALBOX_SITE_KEY', ''), settings.complaints),
  };
}

/** The complaint tells nothing of the key. */
function siteKeys(text: string, complaints: string[]): readonly string[] {
  const keys = text.split(/\s+/).filter((key) => key !== '');
  if (!keys.every((key) => /^[A-Za-z0-9+/]{43}=$/.test(key))) complaints.push('SIGNALBOX_SITE_KEY must be 32 bytes in base64, or several such, one a line: `openssl rand -base64 32` makes one');
  return keys;
}

/** Temporal puts it into names of its own, between dots and colons. */
function buildName(name: string, complaints: string[]): string | null {
  if (name !== '' && !/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/.test(name)) complaints.push('SIGNALBOX_BUILD must be letters, digits, _ and -, at most 63 of them');
  return name || null;
}
