/** `signalbox pause|resume|rollback|abort|retry|skip|promote|approve|reject ID --reason TEXT`, `signalbox jump ID --to BATCH --reason TEXT` and `signalbox answer ID HOST=CHOICE... --reason TEXT`: asks, waits for the receipt, and says what became of it. */
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import type { Client } from '../client.ts';
import { Complaint } from '../complaint.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { Status } from '../release.ts';
import { commaList, duration, keyOf, remote } from '../shell.ts';
import type { RemoteFlags, Shell } from '../shell.ts';
import { watchRelease } from '../watching.ts';

interface Verb {
  readonly name: string;
  readonly about: string;
  /** what a release that did as it was told ends as; with --wait that ending is a success */
  readonly wanted?: Status;
  readonly takes?: 'mode' | 'targets' | 'choices' | 'batch';
  /** it may put hosts back */
  readonly mayGoBack?: true;
}

export const VERBS: readonly Verb[] = [
  { name: 'pause', about: 'start nothing new; targets in work reach a safe point' },
  { name: 'resume', about: 'go on after a pause' },
  { name: 'rollback', about: 'put every touched host back as it was; of a finished release: a new release that does so', wanted: 'rolled-back', takes: 'mode', mayGoBack: true },
  { name: 'abort', about: 'start nothing new, bring targets in work to service, leave finished ones', wanted: 'aborted' },
  { name: 'retry', about: 'try failed targets again', takes: 'targets' },
  { name: 'skip', about: 'leave failed targets out; they become debt', takes: 'targets' },
  { name: 'promote', about: 'end a bake or rest early, or start the next manual batch' },
  { name: 'jump', about: 'go on with another batch next; those passed over follow after it, and what the batch at hand waits for stands', takes: 'batch' },
  { name: 'approve', about: 'sign the proven bastion off, so that it joins' },
  { name: 'reject', about: 'refuse the bastion; it is put back as it was', wanted: 'rolled-back', mayGoBack: true },
  { name: 'answer', about: 'say of each failed target what is to be done: retry, ignore, exclude or fail; of a hook that was cut off: done or not-done', takes: 'choices', mayGoBack: true },
];

interface VerbFlags extends RemoteFlags {
  readonly reason: string;
  readonly mode?: string;
  /** a version, or the number of a batch */
  readonly to?: string | number;
  readonly targets?: readonly string[];
  readonly choices?: readonly string[];
  readonly acrossIrreversible?: true;
  readonly ifVersion?: string;
  readonly receiptTimeout: number;
  readonly idempotencyKey?: string;
  readonly wait: boolean;
  readonly timeout: number;
  readonly output?: string;
}

/** What the server says of a command. `release` carries it out: another one than asked when a finished release is taken back. */
interface Receipt {
  readonly id: string;
  readonly type: string;
  readonly state: 'accepted' | 'applied' | 'refused';
  readonly reason: string;
  readonly release: string;
  readonly refusal: { readonly message: string; readonly allowed: readonly string[] } | null;
}

export function addVerbs(program: Command, shell: Shell): void {
  for (const verb of VERBS) {
    const command = program
      .command(verb.takes === 'choices' ? `${verb.name} <id> <host=choice...>` : `${verb.name} <id>`)
      .helpGroup('Steering a release:')
      .description(verb.about)
      .requiredOption('--reason <text>', 'why; kept with the release');
    if (verb.takes === 'mode') command.addOption(new Option('--mode <mode>', "emergency: widest batches that keep the floor, no bake; default: the strategy's").choices(['regular', 'emergency']));
    if (verb.takes === 'mode') command.option('--to <version>', 'of a finished release: the version to go back to (app@version where it changed several); default: what ran before');
    if (verb.takes === 'batch') command.addOption(new Option('--to <batch>', 'number of the batch, as `signalbox status` shows it').argParser(batchNumber).makeOptionMandatory());
    if (verb.takes === 'targets') command.option('--targets <hosts>', 'only these, separated by commas; default: all failed ones', commaList);
    if (verb.mayGoBack === true) command.option('--across-irreversible', 'hosts may go back across a step or hook that is marked irreversible');
    command
      .option('--if-version <version>', 'refuse when the release has moved past this version')
      .addOption(new Option('--receipt-timeout <duration>', 'how long to wait until the command is applied or refused').argParser(duration).default(60_000, '1m'))
      .option('--idempotency-key <key>', 'the same key and command are carried out once')
      .option('--wait', 'then follow the release to its end', false)
      .addOption(new Option('--timeout <duration>', 'with --wait: stop watching after this long').argParser(duration).default(0, 'never'))
      .addOption(new Option('-o, --output <format>', 'json: the receipt').choices(['json']));
    if (verb.takes === 'choices') remote(command).action(shell.run((id: string, choices: readonly string[], flags: VerbFlags) => carryOut(verb, id, { ...flags, choices }, shell)));
    else remote(command).action(shell.run((id: string, flags: VerbFlags) => carryOut(verb, id, flags, shell)));
  }
}

async function carryOut(verb: Verb, id: string, flags: VerbFlags, shell: Shell): Promise<ExitCode> {
  const client = shell.client(flags);
  const receipt = await sendCommand(client, id, commandBody(verb, flags), flags);
  if (flags.output === 'json') shell.say(JSON.stringify(receipt, null, 2));
  if (receipt.state === 'refused') throw refused(verb, id, receipt);
  if (receipt.state === 'accepted') {
    shell.note(`${verb.name} of ${id} is accepted and stored (receipt ${receipt.id}) but not yet applied; it will be as soon as a worker takes it. Look: signalbox status ${id}`);
    return EXIT.timedOut;
  }
  const next = receipt.release;
  if (flags.output !== 'json') shell.say(next === id ? `${verb.name} of ${id} applied` : `${verb.name} of ${id} applied as release ${next}`);
  if (!flags.wait) return EXIT.succeeded;
  return watchRelease(shell, { ...flags, waitApproval: true, strict: false, verbose: false }, { id: next, after: null, ...(verb.wanted === undefined ? {} : { wanted: verb.wanted }) });
}

function commandBody(verb: Verb, flags: VerbFlags): Record<string, unknown> {
  const { reason, mode, to, targets, choices, acrossIrreversible, ifVersion } = flags;
  if (ifVersion !== undefined && !/^\d{1,15}$/.test(ifVersion)) throw new Complaint(EXIT.usage, `--if-version "${ifVersion}" is not a version; \`signalbox status\` -o json tells it.`);
  return {
    type: verb.name,
    reason,
    ...(mode === undefined ? {} : { mode }),
    ...(to === undefined ? {} : { to }),
    ...(targets === undefined ? {} : { targets }),
    ...(choices === undefined ? {} : { choices: choicesOf(choices) }),
    ...(acrossIrreversible === undefined ? {} : { acrossIrreversible }),
    ...(ifVersion === undefined ? {} : { ifVersion: Number(ifVersion) }),
  };
}

function batchNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It is not the number of a batch; `signalbox status` shows them.');
  return Number(text);
}

/** `web-07=retry` … The server knows which words it takes. */
function choicesOf(given: readonly string[]): Readonly<Record<string, string>> {
  const pairs = given.map((one) => one.split('='));
  const wrong = given.filter((_, index) => pairs[index]?.length !== 2 || pairs[index]?.includes(''));
  if (wrong.length > 0) throw new Complaint(EXIT.usage, `${wrong.join(', ')} is no answer; write HOST=retry, HOST=ignore, HOST=exclude or HOST=fail; of a hook that was cut off HOST=done or HOST=not-done.`);
  const twice = pairs.map(([host = '']) => host).filter((host, index, hosts) => hosts.indexOf(host) !== index);
  if (twice.length > 0) throw new Complaint(EXIT.usage, `${twice.join(', ')} is answered for twice.`);
  return Object.fromEntries(pairs);
}

const WAIT_SECONDS_MAX = 20;

/** Sends the command and waits for its receipt; what comes back is `accepted` only if the time ran out. */
async function sendCommand(client: Client, id: string, body: unknown, flags: VerbFlags): Promise<Receipt> {
  const path = `/v1/releases/${encodeURIComponent(id)}/commands`;
  const deadlineMs = Date.now() + flags.receiptTimeout;
  const seconds = (): number => Math.max(0, Math.min(WAIT_SECONDS_MAX, Math.ceil((deadlineMs - Date.now()) / 1000)));
  const asked = { body, ...keyOf(flags), timeoutMs: 30_000 + WAIT_SECONDS_MAX * 1000 };
  let { body: receipt } = await client.request<Receipt>('POST', `${path}?waitSeconds=${seconds()}`, asked);
  while (receipt.state === 'accepted' && Date.now() < deadlineMs) {
    receipt = await client.get<Receipt>(`${path}/${encodeURIComponent(receipt.id)}?waitSeconds=${seconds()}`, { timeoutMs: asked.timeoutMs });
  }
  return receipt;
}

function refused(verb: Verb, id: string, receipt: Receipt): Complaint {
  const allowed = receipt.refusal?.allowed ?? [];
  return new Complaint(EXIT.conflict, `${verb.name} of ${id} refused: ${receipt.refusal?.message ?? receipt.reason}`, [`allowed now: ${allowed.length === 0 ? 'nothing' : allowed.join(', ')}`]);
}
