/** Watching a release from a command: screen, interrupts, the last words and the exit code. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { Client } from './client.ts';
import { Complaint } from './complaint.ts';
import { showDuration } from './duration.ts';
import { EXIT, exitOfStatus } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { follow } from './follow.ts';
import type { Ending } from './follow.ts';
import { reportToGitHub } from './github.ts';
import type { Release, Status } from './release.ts';
import { outcomeLines } from './render/outcome.ts';
import { openScreen } from './render/screen.ts';
import { readSettings } from './settings.ts';
import { duration } from './shell.ts';
import type { RemoteFlags, Shell } from './shell.ts';

/** A watch survives a longer absence of the server than a single question does: deployments of Signalbox itself, network trouble. */
const WATCH_RETRY_MS = 120_000;

export interface WatchFlags extends RemoteFlags {
  readonly timeout: number;
  /** false with --no-wait-approval */
  readonly waitApproval: boolean;
  readonly strict: boolean;
  readonly verbose: boolean;
}

/** Adds the options of every command that watches. */
export function watching(command: Command): Command {
  return command
    .addOption(new Option('--timeout <duration>', 'stop watching after this long, the release goes on').argParser(duration).default(0, 'never'))
    .option('--no-wait-approval', 'end with code 4 as soon as the release waits for a person')
    .option('--strict', 'end with code 11 when it succeeded with debt', false)
    .option('--verbose', 'also every step of every target, in plain lines', false);
}

export interface WatchAsked {
  readonly id: string;
  /** tell events after this stream version; null = only what happens from now on */
  readonly after: number | null;
  /** an ending that was asked for counts as success: `rollback --wait` wants `rolled-back` */
  readonly wanted?: Status;
}

/** Follows one release until it ends, or the watch does, and answers the exit code. */
export async function watchRelease(shell: Shell, flags: WatchFlags, asked: WatchAsked): Promise<ExitCode> {
  const { surroundings } = shell;
  const settings = readSettings(flags, surroundings);
  const client = new Client({ url: settings.url, token: settings.token, retryMs: flags.retryFor === 0 ? 0 : Math.max(flags.retryFor, WATCH_RETRY_MS) });
  const screen = openScreen(surroundings, { color: shell.color(flags), verbose: flags.verbose });
  const interrupt = new AbortController();
  let signal: 'SIGINT' | 'SIGTERM' = 'SIGINT';
  const release = surroundings.onInterrupt((name) => {
    signal = name;
    interrupt.abort();
  });
  const resume = `signalbox watch ${asked.id}`;
  try {
    const ending = await follow(client, {
      id: asked.id,
      timeoutMs: flags.timeout,
      stopForPerson: !flags.waitApproval,
      after: asked.after,
      interrupted: interrupt.signal,
      listener: screen,
    });
    screen.close();
    return conclude(shell, flags, ending, { ...asked, resume, signal });
  } catch (error) {
    screen.close();
    if (error instanceof Complaint && error.exitCode === EXIT.unreachable) shell.note(`The release itself goes on without this command. Watch it again: ${resume}`);
    throw error;
  } finally {
    release();
  }
}

interface Conclusion extends WatchAsked {
  readonly resume: string;
  readonly signal: 'SIGINT' | 'SIGTERM';
}

function conclude(shell: Shell, flags: WatchFlags, { how, release }: Ending, asked: Conclusion): ExitCode {
  switch (how) {
    case 'ended':
      return release === null ? EXIT.internal : sayOutcome(shell, flags, release, asked.wanted);
    case 'waiting':
      if (release !== null) shell.say(...outcomeLines(release, shell.color(flags)));
      shell.note(`Not waiting for a person (--no-wait-approval). Watch on: ${asked.resume}`);
      return EXIT.waitingForPerson;
    case 'timed-out':
      shell.note(`The watch timed out after ${showDuration(flags.timeout)}; the release is still running (${release?.status ?? 'not seen yet'}). Watch on: ${asked.resume}`);
      return EXIT.timedOut;
    case 'detached':
      shell.note(`Detached; the release goes on. Watch again: ${asked.resume}   Stop it: signalbox abort ${asked.id} --reason TEXT   Take it back: signalbox rollback ${asked.id} --reason TEXT`);
      return asked.signal === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted;
    default:
      return how satisfies never;
  }
}

/** Prints the verdict of a release that has ended and answers its code. */
function sayOutcome(shell: Shell, flags: WatchFlags, release: Release, wanted?: Status): ExitCode {
  shell.say(...outcomeLines(release, shell.color(flags)));
  reportToGitHub(shell, release);
  if (release.status === wanted) return EXIT.succeeded;
  return exitOfStatus(release.status, release.debt.length, flags.strict) ?? EXIT.succeeded;
}
