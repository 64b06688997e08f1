/** How many connections the workers of nginx have to a server, from the kernel's own table: nginx itself does not tell. */
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { BalancerDown } from '../port.ts';

const DEFAULT_PORT = 80;
const REMOTE = 2;
const USER = 7;
const INODE = 9;

/**
 * Connections per address, same order: sockets of this user in the network of this process. A closed socket that the kernel still keeps
 * (inode 0) is nobody's. Throws BalancerDown when the tables cannot be read or a name is not known.
 */
export async function countConnections(addresses: readonly string[], { pid, user }: { readonly pid: number; readonly user: number }): Promise<readonly number[]> {
  const wanted = await Promise.all(addresses.map(endsOf));
  const open = new Map<string, number>();
  for (const table of ['tcp', 'tcp6']) {
    for (const end of remoteEnds(tableOf(pid, table), user)) open.set(end, (open.get(end) ?? 0) + 1);
  }
  return wanted.map((ends) => ends.reduce((sum, end) => sum + (open.get(end) ?? 0), 0));
}

function tableOf(pid: number, table: string): string {
  try {
    return readFileSync(`/proc/${pid}/net/${table}`, 'utf8');
  } catch (error) {
    // A kernel without IPv6 has no second table.
    if (table === 'tcp6' && (error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new BalancerDown(`The connections of nginx (process ${pid}) cannot be counted: ${(error as Error).message}.`, { cause: error });
  }
}

/** Remote ends of this user's sockets, as the table writes them. */
export function remoteEnds(table: string, user: number): readonly string[] {
  return table.split('\n').slice(1).flatMap((line) => {
    const cells = line.trim().split(/\s+/);
    return cells[INODE] === undefined || cells[INODE] === '0' || Number(cells[USER]) !== user ? [] : [cells[REMOTE] ?? ''];
  });
}

/** What an address of the include file is in the table; a host name may be several. */
async function endsOf(address: string): Promise<readonly string[]> {
  const { host, port } = partsOf(address);
  if (isIP(host) !== 0) return [endOf(host, port)];
  try {
    return (await lookup(host, { all: true })).map((found) => endOf(found.address, port));
  } catch (error) {
    throw new BalancerDown(`The address of ${address} is not known: ${(error as Error).message}. nginx knew it when it began; its connections cannot be counted.`, { cause: error });
  }
}

function partsOf(address: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::([0-9]{1,5}))?$/.exec(address);
  return { host: match?.[1] ?? match?.[2] ?? address, port: Number(match?.[3] ?? DEFAULT_PORT) };
}

/** The table shows addresses as words of four bytes, each in the order of the machine, which is little-endian wherever this runs. */
export function endOf(ip: string, port: number): string {
  const bytes = isIP(ip) === 6 ? ipv6Bytes(ip) : ip.split('.').map(Number);
  const words = Array.from({ length: bytes.length / 4 }, (_, index) => bytes.slice(index * 4, index * 4 + 4).toReversed());
  return `${hex(words.flat(), 2)}:${hex([port], 4)}`;
}

function hex(numbers: readonly number[], digits: number): string {
  return numbers.map((number) => number.toString(16).toUpperCase().padStart(digits, '0')).join('');
}

function ipv6Bytes(ip: string): readonly number[] {
  const plain = ip.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_text, a: string, b: string, c: string, d: string) => `${hex([Number(a), Number(b)], 2)}:${hex([Number(c), Number(d)], 2)}`);
  const [front = '', back] = plain.split('::');
  const words = (text: string): readonly number[] => (text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16)));
  const [head, tail] = [words(front), words(back ?? '')];
  const filled = back === undefined ? head : [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail];
  return filled.flatMap((word) => [word >> 8, word & 0xff]);
}
