/**
 * The include file of one upstream: read, changed and written as text. Pure. The file also carries a line that nginx answers at its status
 * location: the generation of the file and what it says of each server, so that one can ask the running workers what they go by.
 */
import { isServerName } from '../../../domain/names.ts';

/** What one `server` line, or the running workers, say of a server. nginx has no maintenance: a server is down, or it is not. */
export interface ServerSetting {
  readonly isDown: boolean;
  /** 1–65535 */
  readonly weight: number;
}

export interface ServerLine extends ServerSetting {
  /** the comment behind the line, or its address where there is none */
  readonly name: string;
  /** as nginx reads it: address, host name, or either with a port */
  readonly address: string;
}

export interface ServerFile {
  /** name of the upstream */
  readonly upstream: string;
  /** rises with every write; 0 in a file that Signalbox has not written yet */
  readonly generation: number;
  readonly servers: ReadonlyMap<string, ServerLine>;
}

/** Something in the file that the driver would have to guess about. `line` counts from 1; 0 is the file as a whole. */
export class UnreadableFile extends Error {
  override readonly name = 'UnreadableFile';
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

const UPSTREAM = /^\s*upstream\s+([A-Za-z0-9_.-]+)\s*\{/;
const SERVER = /^(\s*)server\s+([^\s;{}#"'$]+)((?:\s+[^\s;{}#"'$]+)*)\s*;[ \t]*(?:#[ \t]*(\S+)[ \t]*(.*))?$/;
const MARKER = /^\s*map\s+""\s+\$signalbox_/;
const MARKED = /default "([0-9]+)(?: |")/;
const STATE = /^([^\s=]+)=(ready|drain):([0-9]{1,5})$/;
export const WEIGHT_MAX = 65_535;
/** nginx refuses a text of 4,096 characters or more. */
const TEXT_MAX = 3_500;

/** Throws UnreadableFile. Lines it does not know are none of its business. */
export function parseServerFile(text: string): ServerFile {
  const servers = new Map<string, ServerLine>();
  const upstreams: string[] = [];
  let generation = 0;
  for (const [index, line] of text.split('\n').entries()) {
    const named = UPSTREAM.exec(line)?.[1];
    if (named !== undefined) upstreams.push(named);
    if (MARKER.test(line)) generation = Math.max(generation, Number(MARKED.exec(line)?.[1] ?? 0));
    if (!/^\s*server\b/.test(line)) continue;
    const server = readLine(line, index + 1);
    if (servers.has(server.name)) throw new UnreadableFile(index + 1, `a second server ${server.name}; each needs a name of its own, written as a comment behind its line`);
    servers.set(server.name, server);
  }
  const [upstream, ...more] = upstreams;
  if (upstream === undefined || more.length > 0) throw new UnreadableFile(0, `${upstreams.length} upstreams where exactly one must stand`);
  return { upstream, generation, servers };
}

function readLine(line: string, number: number): ServerLine {
  const [, , address, parameters, comment] = SERVER.exec(line) ?? [];
  if (address === undefined) throw new UnreadableFile(number, 'a server line of another form than `server ADDRESS PARAMETERS; # NAME`, all on one line');
  const name = comment ?? address;
  if (!isServerName(name)) throw new UnreadableFile(number, `${JSON.stringify(name)} is no server name: letters, digits and _ . : - are allowed, up to 64; write one as a comment behind the line`);
  if (address.startsWith('unix:')) throw new UnreadableFile(number, 'a server at a unix socket, whose connections cannot be counted');
  const words = wordsOf(parameters ?? '');
  const weight = Number(words.find((word) => word.startsWith('weight='))?.slice('weight='.length) ?? 1);
  if (!Number.isInteger(weight) || weight < 1 || weight > WEIGHT_MAX) throw new UnreadableFile(number, `a weight that is no whole number from 1 to ${WEIGHT_MAX}`);
  return { name, address, isDown: words.includes('down'), weight };
}

function wordsOf(parameters: string): readonly string[] {
  return parameters.split(/\s+/).filter((word) => word !== '');
}

/**
 * The text with these settings of these servers and a new generation; everything else stays as it stands. Throws UnreadableFile.
 * @param generation above every one that the file, or a running worker, has shown
 */
export function changeServerFile(text: string, settings: ReadonlyMap<string, ServerSetting>, generation: number): string {
  const { upstream } = parseServerFile(text);
  const lines = text.split('\n').filter((line) => !MARKER.test(line)).map((line) => changedLine(line, settings));
  const body = lines.join('\n').trimEnd();
  const { servers } = parseServerFile(body);
  return `${body}\n${markerLines(upstream, stateText({ generation, servers })).join('\n')}\n`;
}

function changedLine(line: string, settings: ReadonlyMap<string, ServerSetting>): string {
  const [, indent = '', address, parameters = '', comment, rest = ''] = SERVER.exec(line) ?? [];
  const setting = address === undefined ? undefined : settings.get(comment ?? address);
  if (address === undefined || setting === undefined) return line;
  const others = wordsOf(parameters).filter((word) => word !== 'down' && !word.startsWith('weight='));
  const words = ['server', address, ...others, ...(setting.weight === 1 ? [] : [`weight=${setting.weight}`]), ...(setting.isDown ? ['down'] : [])];
  const behind = comment === undefined ? '' : ` # ${comment}${rest === '' ? '' : ` ${rest}`}`;
  return `${indent}${words.join(' ')};${behind}`;
}

/** What workers that go by this file answer. */
export function stateText({ generation, servers }: Pick<ServerFile, 'generation' | 'servers'>): string {
  return [String(generation), ...[...servers.values()].map(({ name, isDown, weight }) => `${name}=${isDown ? 'drain' : 'ready'}:${weight}`)].join(' ');
}

/** `map` is the one way to a variable beside an upstream; a long text takes several, put together by the last. */
function markerLines(upstream: string, text: string): readonly string[] {
  const variable = markerVariable(upstream);
  if (text.length <= TEXT_MAX) return [mapLine(variable, text)];
  const parts = Array.from({ length: Math.ceil(text.length / TEXT_MAX) }, (_, index) => text.slice(index * TEXT_MAX, (index + 1) * TEXT_MAX));
  return [...parts.map((part, index) => mapLine(`${variable}_part${index}`, part)), mapLine(variable, parts.map((_, index) => `\${${variable}_part${index}}`).join(''))];
}

/** The variable that the status location answers, without its `$`. */
export function markerVariable(upstream: string): string {
  return `signalbox_${upstream.replace(/[^A-Za-z0-9_]/g, '_')}`;
}

function mapLine(variable: string, text: string): string {
  return `map "" $${variable} { default "${text}"; }`;
}

/** What running workers go by. */
export interface ServedState {
  /** as it was answered, for comparing whole states */
  readonly text: string;
  readonly generation: number;
  readonly servers: ReadonlyMap<string, ServerSetting>;
}

/** Reads the answer of the status location; empty where Signalbox has not written the file yet. null: it is no such answer. */
export function parseServed(answer: string): ServedState | null {
  const [first, ...states] = wordsOf(answer);
  if (first === undefined) return { text: '', generation: 0, servers: new Map() };
  if (!/^[0-9]{1,15}$/.test(first)) return null;
  const servers = new Map<string, ServerSetting>();
  for (const state of states) {
    const [, name, admin, weight] = STATE.exec(state) ?? [];
    if (name === undefined) return null;
    servers.set(name, { isDown: admin === 'drain', weight: Number(weight) });
  }
  return { text: [first, ...states].join(' '), generation: Number(first), servers };
}
