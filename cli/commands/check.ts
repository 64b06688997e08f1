/** `signalbox check fleet`: has every host looked at now, and tells what is wrong with any of them. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { duration, keyOf, remote } from '../shell.ts';
import { printable } from '../render/glyphs.ts';
import type { Client } from '../client.ts';
import type { RemoteFlags, Shell } from '../shell.ts';

interface CheckFlags extends RemoteFlags {
  readonly reason?: string;
  readonly timeout: number;
  readonly output?: 'json';
  readonly idempotencyKey?: string;
}

interface FleetCheck {
  readonly id: string;
  readonly state: 'asked' | 'running' | 'finished';
  readonly hosts: number;
  readonly dead: number;
  readonly unjudged: number;
}

interface Finding {
  readonly id: string;
  readonly sentence: string;
  readonly repair: string;
}

/** Kinds of findings that a fleet check judges. */
const KINDS = ['host-unreachable', 'disk-nearly-full', 'clock-skewed', 'host-program-old', 'host-differs', 'break-glass'] as const;
const WAIT_SECONDS_MAX = 60;

export function addCheck(program: Command, shell: Shell): void {
  const checks = program.command('check').helpGroup('Looking after Signalbox:').description('look at what is there, without changing it');
  remote(
    checks
      .command('fleet')
      .description('look at every host now: does it answer, its disk, clock, host program and versions; exits 12 when anything is wrong')
      .option('--reason <text>', 'why; kept with the check')
      .addOption(new Option('--timeout <duration>', 'how long to wait for its end').argParser(duration).default(120_000, '2m'))
      .option('--idempotency-key <key>', 'the same key is one check')
      .addOption(new Option('-o, --output <format>', 'json: the check and the findings').choices(['json'])),
  ).action(shell.run((flags: CheckFlags) => checkFleet(flags, shell)));
}

async function checkFleet(flags: CheckFlags, shell: Shell): Promise<ExitCode> {
  const client = shell.client(flags);
  const asked = await client.request<FleetCheck>('POST', '/v1/fleet-checks', { body: flags.reason === undefined ? {} : { reason: flags.reason }, ...keyOf(flags) });
  const check = await ended(client, asked.body, flags.timeout);
  if (check.state !== 'finished') {
    shell.note(`Fleet check ${check.id} is not finished yet (${check.state}); what it finds is told by: signalbox doctor`);
    return EXIT.timedOut;
  }
  const findings = (await Promise.all(KINDS.map((kind) => findingsOf(client, kind)))).flat();
  if (flags.output === 'json') shell.say(JSON.stringify({ ...check, findings }, null, 2));
  else tell(check, findings, shell);
  return findings.length === 0 && check.unjudged === 0 ? EXIT.succeeded : EXIT.unwell;
}

async function ended(client: Client, asked: FleetCheck, timeoutMs: number): Promise<FleetCheck> {
  const endMs = performance.now() + timeoutMs;
  for (let check = asked; ; ) {
    const leftMs = endMs - performance.now();
    if (check.state === 'finished' || leftMs <= 0) return check;
    const seconds = Math.min(WAIT_SECONDS_MAX, Math.ceil(leftMs / 1000));
    check = (await client.request<FleetCheck>('GET', `/v1/fleet-checks/${check.id}?waitSeconds=${seconds}`, { timeoutMs: 30_000 + seconds * 1000 })).body;
  }
}

async function findingsOf(client: Client, kind: string): Promise<readonly Finding[]> {
  const all: Finding[] = [];
  for (let cursor: string | null = null; ; ) {
    const page: { items: readonly Finding[]; next: string | null } = await client.get(`/v1/findings?kind=${kind}&limit=200${cursor === null ? '' : `&cursor=${cursor}`}`);
    all.push(...page.items);
    if (page.next === null) return all;
    cursor = page.next;
  }
}

function tell({ hosts, dead, unjudged }: FleetCheck, findings: readonly Finding[], shell: Shell): void {
  const unsaid = unjudged === 0 ? '' : `, ${unjudged} of which nothing can be said: what reaches them is away (signalbox doctor)`;
  shell.say(`${hosts} ${hosts === 1 ? 'host' : 'hosts'} looked at: ${hosts - dead - unjudged} up, ${dead} dead${unsaid}`);
  for (const { id, sentence, repair } of findings) shell.say('', printable(sentence), `  ${id}`, `  → ${printable(repair)}`);
}
