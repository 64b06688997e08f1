/** `signalbox host-token create|list|revoke`: what the agent of one host comes with. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { table } from '../render/table.ts';
import { remote } from '../shell.ts';
import type { RemoteFlags, Shell } from '../shell.ts';

interface HostTokenFlags extends RemoteFlags {
  readonly output?: 'json' | 'name';
}

interface CreatedHostToken {
  readonly name: string;
  readonly host: string;
  readonly token: string;
}

interface KnownHostToken {
  readonly name: string;
  readonly host: string;
  readonly createdAt: string;
  readonly revokedAt: string | null;
  readonly hostSeenAt: string | null;
}

export function addHostToken(program: Command, shell: Shell): void {
  const tokens = program.command('host-token').helpGroup('Inventory:').description('tokens of hosts whose agents ask for their work');
  remote(
    tokens
      .command('create <host> <name>')
      .description('make a token for the agent of one host; it is shown this once and is good for nothing else')
      .addOption(new Option('-o, --output <format>', 'json, or name for the token alone').choices(['json', 'name'])),
  ).action(shell.run((host: string, name: string, flags: HostTokenFlags) => create({ host, name }, flags, shell)));
  remote(
    tokens
      .command('list')
      .description('names of the tokens and their hosts; the tokens themselves are not kept')
      .addOption(new Option('-o, --output <format>', 'json').choices(['json'])),
  ).action(shell.run((flags: HostTokenFlags) => list(flags, shell)));
  remote(tokens.command('revoke <name>').description('end a token at once; the agent that uses it hears of no further call')).action(
    shell.run((name: string, flags: HostTokenFlags) => revoke(name, flags, shell)),
  );
}

async function create(asked: { readonly host: string; readonly name: string }, flags: HostTokenFlags, shell: Shell): Promise<void> {
  const { body } = await shell.client(flags).request<CreatedHostToken>('POST', '/v1/host-tokens', { body: asked });
  if (flags.output === 'json') return shell.say(JSON.stringify(body, null, 2));
  shell.say(body.token);
  if (flags.output !== 'name') shell.note(`This is the token ${body.name} of ${body.host}. It is not kept anywhere: put it into a file there that only the agent's account can read.`);
}

async function list(flags: HostTokenFlags, shell: Shell): Promise<void> {
  const { items } = await shell.client(flags).get<{ items: readonly KnownHostToken[] }>('/v1/host-tokens');
  if (flags.output === 'json') return shell.say(JSON.stringify(items, null, 2));
  const state = ({ revokedAt }: KnownHostToken): string => (revokedAt === null ? 'valid' : `revoked ${revokedAt}`);
  shell.say(...table(['NAME', 'HOST', 'CREATED', 'STATE', 'HOST LAST ASKED'], items.map((token) => [token.name, token.host, token.createdAt, state(token), token.hostSeenAt ?? 'never'])));
}

async function revoke(name: string, flags: HostTokenFlags, shell: Shell): Promise<void> {
  await shell.client(flags).request('DELETE', `/v1/host-tokens/${encodeURIComponent(name)}`);
  shell.say(`host token ${name} revoked`);
}
