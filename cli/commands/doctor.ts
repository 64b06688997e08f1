/** `signalbox doctor` and `signalbox repair ID`: what is wrong, why it matters, what to do about it, and doing it. */
import { Option } from 'commander';
import type { Command } from 'commander';
import type { Client } from '../client.ts';
import { Complaint } from '../complaint.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { marked, printable } from '../render/glyphs.ts';
import { duration, keyOf, remote } from '../shell.ts';
import type { RemoteFlags, Shell } from '../shell.ts';

interface DoctorFlags extends RemoteFlags {
  readonly output?: 'json';
}

interface RepairFlags extends DoctorFlags {
  readonly reason: string;
  readonly then?: 'rollback' | 'abort';
  readonly timeout: number;
  readonly idempotencyKey?: string;
}

interface Health {
  readonly ok: boolean;
  readonly parts: readonly { readonly name: string; readonly ok: boolean; readonly sentence: string; readonly next: string | null }[];
  readonly ownRepairs: readonly { readonly sentence: string; readonly at: string }[];
}

interface Finding {
  readonly id: string;
  readonly kind: string;
  readonly sentence: string;
  readonly matters: string;
  readonly repair: string;
  readonly openedAt: string;
}

interface Repair {
  readonly id: string;
  readonly state: 'asked' | 'applied' | 'refused';
  readonly outcome: string | null;
}

export function addDoctor(program: Command, shell: Shell): void {
  remote(
    program
      .command('doctor')
      .helpGroup('Looking after Signalbox:')
      .description('every open finding and the health of every part, each with what to do')
      .addOption(new Option('-o, --output <format>', 'json: everything').choices(['json'])),
  ).action(shell.run((flags: DoctorFlags) => doctor(flags, shell)));
  remote(
    program
      .command('repair <finding>')
      .helpGroup('Looking after Signalbox:')
      .description('do what a finding says repairs it: adopt a release or a host, free a lock, write to a balancer again, bring a server in, keep a service alive again')
      .requiredOption('--reason <text>', 'why; kept with the repair')
      .addOption(new Option('--then <command>', 'of a release that is adopted: take it back or end it at once').choices(['rollback', 'abort']))
      .addOption(new Option('--timeout <duration>', 'how long to wait for the outcome').argParser(duration).default(30_000, '30s'))
      .option('--idempotency-key <key>', 'the same key and request are carried out once')
      .addOption(new Option('-o, --output <format>', 'json: the whole answer').choices(['json'])),
  ).action(shell.run((finding: string, flags: RepairFlags) => repair(finding, flags, shell)));
}

async function doctor(flags: DoctorFlags, shell: Shell): Promise<ExitCode> {
  const client = shell.client(flags);
  const health = await client.get<Health>('/v1/health').catch((error: unknown) => {
    throw error instanceof Complaint ? new Complaint(error.exitCode, `The API cannot say how things are: ${error.message}`, [...error.details, ...withoutApi(error.exitCode)]) : error;
  });
  const findings = await allFindings(client);
  if (flags.output === 'json') shell.say(JSON.stringify({ ...health, findings }, null, 2));
  else tell(health, findings, { shell, color: shell.color(flags) });
  return health.ok && findings.length === 0 ? EXIT.succeeded : EXIT.unwell;
}

/** What to do when nobody answers, for there is nobody to say it. */
function withoutApi(exitCode: number): readonly string[] {
  return exitCode === EXIT.unreachable ? ['Is the API running (signalbox api), and does it reach its database? Its log says what it misses; GET /readyz tells which part is away.'] : [];
}

async function allFindings(client: Client): Promise<readonly Finding[]> {
  const all: Finding[] = [];
  for (let cursor: string | null = null; ; ) {
    const page: { items: readonly Finding[]; next: string | null } = await client.get(`/v1/findings?limit=200${cursor === null ? '' : `&cursor=${cursor}`}`);
    all.push(...page.items);
    if (page.next === null) return all;
    cursor = page.next;
  }
}

function tell({ parts, ownRepairs }: Health, findings: readonly Finding[], { shell, color }: { readonly shell: Shell; readonly color: boolean }): void {
  for (const { name, ok, sentence, next } of parts) {
    shell.say(marked(ok ? 'good' : 'bad', `${name.padEnd(10)} ${printable(sentence)}`, color));
    if (next !== null) shell.say(`  → ${next}`);
  }
  if (ownRepairs.length > 0) shell.say('', 'Repaired without being asked, newest first:', ...ownRepairs.map(({ at, sentence }) => `  ${at} ${printable(sentence)}`));
  if (findings.length === 0) return shell.say('', 'No finding is open.');
  shell.say('', `${findings.length} ${findings.length === 1 ? 'finding is' : 'findings are'} open:`);
  for (const { id, sentence, matters, repair: command, openedAt } of findings) {
    shell.say('', marked('bad', printable(sentence), color), `  ${id}, since ${openedAt}`, ...(matters === '' ? [] : [`  ${printable(matters)}`]), `  → ${printable(command)}`);
  }
}

const WAIT_SECONDS_MAX = 60;

async function repair(finding: string, flags: RepairFlags, shell: Shell): Promise<ExitCode> {
  const { reason, then } = flags;
  const seconds = Math.min(WAIT_SECONDS_MAX, Math.ceil(flags.timeout / 1000));
  const asked = { body: { reason, ...(then === undefined ? {} : { then }) }, ...keyOf(flags), timeoutMs: 30_000 + seconds * 1000 };
  const { body } = await shell.client(flags).request<Repair>('POST', `/v1/findings/${encodeURIComponent(finding)}/repair?waitSeconds=${seconds}`, asked);
  if (flags.output === 'json') shell.say(JSON.stringify(body, null, 2));
  else if (body.outcome !== null) shell.say(printable(body.outcome));
  if (body.state === 'refused') return EXIT.conflict;
  if (body.state === 'applied') return EXIT.succeeded;
  shell.note(`Not carried out yet; it is stored, and a worker does it as soon as it can. Look: signalbox doctor`);
  return EXIT.timedOut;
}
