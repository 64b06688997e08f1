/** `signalbox lift APP` and `signalbox package quarantine|lift ID`: what people say about builds and about what they took back. */
import type { Command } from 'commander';
import { remote } from '../shell.ts';
import type { RemoteFlags, Shell } from '../shell.ts';

interface LiftFlags extends RemoteFlags {
  readonly reason: string;
  readonly pool?: string;
  readonly output?: string;
}

interface Lifted {
  readonly holds: readonly { readonly pool: string; readonly reason: string }[];
}

export function addLift(program: Command, shell: Shell): void {
  remote(
    program
      .command('lift <application>')
      .helpGroup('Steering a release:')
      .description("lift the hold that a person's rollback left, so that the application can be released again")
      .requiredOption('--reason <text>', 'why; kept with the hold')
      .option('--pool <name>', 'only in this pool; default: wherever it is held')
      .option('-o, --output <format>', 'json'),
  ).action(shell.run((application: string, flags: LiftFlags) => lift(application, flags, shell)));
}

async function lift(application: string, flags: LiftFlags, shell: Shell): Promise<void> {
  const { reason, pool } = flags;
  const { body } = await shell.client(flags).request<Lifted>('POST', `/v1/applications/${encodeURIComponent(application)}/lift`, { body: { reason, ...(pool === undefined ? {} : { pool }) } });
  if (flags.output === 'json') return shell.say(JSON.stringify(body, null, 2));
  shell.say(...body.holds.map((hold) => `hold of ${application} in pool ${hold.pool} lifted (it was: ${hold.reason})`));
}

/** Adds the two verbs to the command group of packages. */
export function addQuarantine(packages: Command, shell: Shell): void {
  const verb = (name: 'quarantine' | 'lift', about: string, done: string): void => {
    remote(packages.command(`${name} <package>`).description(about).requiredOption('--reason <text>', 'why; kept with the package').option('-o, --output <format>', 'json')).action(
      shell.run(async (id: string, flags: LiftFlags) => {
        const { body } = await shell.client(flags).request<unknown>('POST', `/v1/packages/${encodeURIComponent(id)}/${name}`, { body: { reason: flags.reason } });
        shell.say(flags.output === 'json' ? JSON.stringify(body, null, 2) : `package ${id} ${done}`);
      }),
    );
  };
  verb('quarantine', 'refuse every new release of a version (web@2.0.0), and every rollback onto it', 'is quarantined');
  verb('lift', 'lift the quarantine of a version', 'is not quarantined any more');
}
