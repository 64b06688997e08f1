/** `signalbox token create|list|revoke`: bearer tokens for people and CI jobs. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { table } from '../render/table.ts';
import { remote } from '../shell.ts';
import type { RemoteFlags, Shell } from '../shell.ts';

interface TokenFlags extends RemoteFlags {
  readonly output?: 'json' | 'name';
}

interface CreatedToken {
  readonly name: string;
  readonly token: string;
}

interface KnownToken {
  readonly name: string;
  readonly createdAt: string;
  readonly revokedAt: string | null;
}

export function addToken(program: Command, shell: Shell): void {
  const tokens = program.command('token').helpGroup('Inventory:').description('tokens of people and CI jobs');
  const output = (): Option => new Option('-o, --output <format>', 'json').choices(['json']);
  remote(
    tokens
      .command('create <name>')
      .description('make a token; it is shown this once')
      .addOption(new Option('-o, --output <format>', 'json, or name for the token alone').choices(['json', 'name'])),
  ).action(shell.run((name: string, flags: TokenFlags) => create(name, flags, shell)));
  remote(tokens.command('list').description('names of the tokens; the tokens themselves are not kept').addOption(output())).action(
    shell.run((flags: TokenFlags) => list(flags, shell)),
  );
  remote(tokens.command('revoke <name>').description('end a token at once')).action(shell.run((name: string, flags: TokenFlags) => revoke(name, flags, shell)));
}

async function create(name: string, flags: TokenFlags, shell: Shell): Promise<void> {
  const { body } = await shell.client(flags).request<CreatedToken>('POST', '/v1/tokens', { body: { name } });
  if (flags.output === 'json') return shell.say(JSON.stringify(body, null, 2));
  shell.say(body.token);
  if (flags.output !== 'name') shell.note(`This is the token of ${name}. It is not kept anywhere: store it now.`);
}

async function list(flags: TokenFlags, shell: Shell): Promise<void> {
  const { items } = await shell.client(flags).get<{ items: readonly KnownToken[] }>('/v1/tokens');
  if (flags.output === 'json') return shell.say(JSON.stringify(items, null, 2));
  const state = ({ revokedAt }: KnownToken): string => (revokedAt === null ? 'valid' : `revoked ${revokedAt}`);
  shell.say(...table(['NAME', 'CREATED', 'STATE'], items.map((token) => [token.name, token.createdAt, state(token)])));
}

async function revoke(name: string, flags: TokenFlags, shell: Shell): Promise<void> {
  await shell.client(flags).request('DELETE', `/v1/tokens/${encodeURIComponent(name)}`);
  shell.say(`token ${name} revoked`);
}
