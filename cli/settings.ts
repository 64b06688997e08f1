/** Where the server is and who we are: flags, then environment, then signalbox.yaml, then the token `signalbox start` left beside us. */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { Complaint } from './complaint.ts';
import { EXIT } from './exit-codes.ts';
import type { Surroundings } from './surroundings.ts';

const DEFAULT_URL = 'http://127.0.0.1:8300';

/** `source` of each value is for messages: people need to know which of the four places won. */
export interface Settings {
  readonly url: string;
  readonly token: string | null;
  readonly tokenSource: string;
}

export interface SettingFlags {
  readonly url?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly config?: string;
}

/**
 * Resolves the settings of one call. Throws a Complaint (usage) for an address that is no http(s) URL, a file that was named but
 * cannot be read, or a signalbox.yaml that is not a mapping.
 */
export function readSettings(flags: SettingFlags, surroundings: Surroundings): Settings {
  const { env, cwd } = surroundings;
  const file = readSettingsFile(flags.config ?? null, cwd);
  const url = checkUrl(flags.url ?? env['SIGNALBOX_URL'] ?? file.url ?? DEFAULT_URL);
  const found =
    given(flags.token, '--token') ??
    fromFile(flags.tokenFile, '--token-file', cwd) ??
    given(env['SIGNALBOX_TOKEN'], 'SIGNALBOX_TOKEN') ??
    fromFile(env['SIGNALBOX_TOKEN_FILE'], 'SIGNALBOX_TOKEN_FILE', cwd) ??
    given(file.token, file.path) ??
    fromFile(file.tokenFile, `tokenFile of ${file.path}`, dirname(file.path)) ??
    (isLocal(url) ? adminToken(cwd) : null);
  return { url, token: found?.token ?? null, tokenSource: found?.source ?? 'nowhere' };
}

interface FileSettings {
  readonly path: string;
  readonly url?: string;
  readonly token?: string;
  readonly tokenFile?: string;
}

/** Other keys of signalbox.yaml belong to the server and are left alone. */
function readSettingsFile(named: string | null, cwd: string): FileSettings {
  const path = resolve(cwd, named ?? 'signalbox.yaml');
  const text = readText(path);
  if (text === null) {
    if (named !== null) throw new Complaint(EXIT.usage, `The settings file ${path} cannot be read. Check --config.`);
    return { path };
  }
  const value: unknown = parseYaml(text, path);
  if (value === null) return { path };
  if (typeof value !== 'object' || Array.isArray(value)) throw new Complaint(EXIT.usage, `${path} must be a mapping with url, token or tokenFile.`);
  const settings: Record<string, string> = {};
  for (const name of ['url', 'token', 'tokenFile']) {
    const entry: unknown = (value as Record<string, unknown>)[name];
    if (entry === undefined || entry === null) continue;
    if (typeof entry !== 'string') throw new Complaint(EXIT.usage, `${path}: ${name} must be text.`);
    settings[name] = entry;
  }
  return { path, ...settings };
}

function parseYaml(text: string, path: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new Complaint(EXIT.usage, `${path} is not YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
}

interface Found {
  readonly token: string;
  readonly source: string;
}

function given(token: string | undefined, source: string): Found | null {
  return token === undefined || token === '' ? null : { token: checkToken(token, source), source };
}

function fromFile(path: string | undefined, source: string, base: string): Found | null {
  if (path === undefined || path === '') return null;
  const text = readText(resolve(base, path));
  if (text === null) throw new Complaint(EXIT.usage, `The token file ${resolve(base, path)} (${source}) cannot be read.`);
  return { token: checkToken(text.trim(), source), source };
}

/** `signalbox start` keeps the administrator's token in its data folder; it is offered to loopback addresses only. */
function adminToken(cwd: string): Found | null {
  for (const folder of [cwd, join(import.meta.dirname, '..')]) {
    const path = join(folder, '.signalbox', 'admin-token');
    const text = readText(path);
    if (text !== null && text.trim() !== '') return { token: checkToken(text.trim(), path), source: path };
  }
  return null;
}

/** A token goes into a header: anything but visible ASCII is a file read by mistake. */
function checkToken(token: string, source: string): string {
  if (/^[\x21-\x7e]{1,512}$/.test(token)) return token;
  throw new Complaint(EXIT.usage, `The token from ${source} is not a token: it must be one word of visible ASCII characters.`);
}

function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new Complaint(EXIT.usage, `"${text}" is not an http(s) address of a Signalbox server. Check --url, SIGNALBOX_URL and signalbox.yaml.`);
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** Loopback only: the administrator's token never leaves the machine by itself. */
export function isLocal(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
