/** `signalbox events ID`: everything that happened in a release, in order; with --follow as it happens. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { follow } from '../follow.ts';
import { readRefusals } from '../refusals.ts';
import type { Refusal } from '../refusals.ts';
import { readEventsAfter } from '../release-events.ts';
import type { ReleaseEvent } from '../release.ts';
import { storyTeller } from '../render/event-line.ts';
import { remote } from '../shell.ts';
import type { RemoteFlags, Shell } from '../shell.ts';

interface EventsFlags extends RemoteFlags {
  readonly follow: boolean;
  readonly after: string;
  readonly output?: 'json' | 'wide';
  readonly refused: boolean;
}

export function addEvents(program: Command, shell: Shell): void {
  remote(
    program
      .command('events <id>')
      .helpGroup('Releases:')
      .description('print the events of a release')
      .option('-f, --follow', 'go on as they happen, until the release ends', false)
      .option('--after <version>', 'only events after this stream version', '0')
      .addOption(new Option('--refused', 'print what came too late for the release instead, and was refused').default(false).conflicts(['follow', 'after']))
      .addOption(new Option('-o, --output <format>', 'json: one event per line, complete; wide: also type, version and actor').choices(['json', 'wide'])),
  ).action(shell.run((id: string, flags: EventsFlags) => events(id, flags, shell)));
}

async function events(id: string, flags: EventsFlags, shell: Shell): Promise<ExitCode> {
  const client = shell.client(flags);
  const color = shell.color(flags);
  const tell = storyTeller({ color, verbose: true });
  const say = (list: readonly ReleaseEvent[]): void => shell.say(...list.map((event) => textOf(event, flags, tell)));
  if (flags.refused) {
    shell.say(...(await readRefusals(client, id)).map((refusal) => refusalText(refusal, flags)));
    return EXIT.succeeded;
  }
  const after = Number.parseInt(flags.after, 10) || 0;
  if (!flags.follow) {
    say(await readEventsAfter(client, id, after));
    return EXIT.succeeded;
  }
  const interrupt = new AbortController();
  const release = shell.surroundings.onInterrupt(() => interrupt.abort());
  try {
    const listener = { onRelease: () => undefined, onEvents: say, onTrouble: (message: string) => shell.note(message) };
    const { how } = await follow(client, { id, timeoutMs: 0, stopForPerson: false, after, interrupted: interrupt.signal, listener });
    return how === 'detached' ? EXIT.interrupted : EXIT.succeeded;
  } finally {
    release();
  }
}

function refusalText(refusal: Refusal, { output }: EventsFlags): string {
  const { at, host, epoch, direction, round, step, sentence } = refusal;
  if (output === 'json') return JSON.stringify(refusal);
  const wide = output === 'wide' ? ` (${direction}, round ${round}, epoch ${epoch})` : '';
  return `${at} ${host} ${step}${wide}: ${sentence}`;
}

function textOf(event: ReleaseEvent, flags: EventsFlags, tell: ReturnType<typeof storyTeller>): string {
  if (flags.output === 'json') return JSON.stringify(event);
  const line = tell(event) ?? event.type;
  return flags.output === 'wide' ? `${String(event.version).padStart(5)} ${event.type.padEnd(24)} ${event.actor.name.padEnd(14)} ${line}` : line;
}
