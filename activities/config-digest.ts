/** The name of a run configuration, as the host program gives it: so that it is known which one a host has before anything is sent there. */
import { createHash } from 'node:crypto';

/**
 * SHA-256 of the canonical text that `configure` composes (compose_config in host/signalbox-host), lower-case hex. `input` is what
 * runConfiguration made. Were the two ever to differ, hosts would only be released to in vain; a test compares them.
 */
export function configDigest(version: string, input: Readonly<Record<string, string>>): string {
  const environment = Object.keys(input).filter((name) => name.startsWith('env.')).map((name) => `${name} ${encoded(input[name] ?? '')}`);
  const command = Object.keys(input).filter((name) => name.startsWith('command.')).map((_, index) => `command ${encoded(input[`command.${index}`] ?? '')}`);
  const lines = [
    'signalbox-config 1',
    `version ${version}`,
    `stopSignal ${input['stopSignal'] ?? ''}`,
    `stopTimeoutSeconds ${input['stopTimeoutSeconds'] ?? ''}`,
    `account ${input['account'] ?? ''}`,
    ...(input['runs'] === undefined || input['runs'] === 'process' ? [] : [`runs ${input['runs']}`]),
    ...(input['reloadPidFile'] === undefined ? [] : [`reload ${(input['reloadSignal'] ?? '').replace('SIG', '')} ${encoded(input['reloadPidFile'])}`]),
    ...scheduleLines(input),
    ...environment.sort(byBytes),
    ...command,
  ];
  return createHash('sha256').update(lines.map((line) => `${line}\n`).join('')).digest('hex');
}

function scheduleLines(input: Readonly<Record<string, string>>): readonly string[] {
  const { cronFile, cronUser = '', cronWaitSeconds = '', cronThen = '', cronEntries = '' } = input;
  if (cronFile === undefined) return [];
  return [`cron ${encoded(cronFile)}`, `cronUser ${cronUser}`, `cronWait ${cronWaitSeconds} ${cronThen}`, ...cronEntries.split('\n').map(encoded)];
}

/** Every byte outside printable ASCII, and the percent sign, as %XX. */
function encoded(text: string): string {
  if (/^[ -$&-~]*$/.test(text)) return text;
  return Array.from(Buffer.from(text), (byte) => (byte >= 32 && byte < 127 && byte !== 37 ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)).join('');
}

/** The lines are ASCII by then, so code units are bytes. */
function byBytes(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
