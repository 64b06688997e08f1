/** `signalbox traffic render POOL`: what the balancer before a pool has to be told. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { remote } from '../shell.ts';
import type { RemoteFlags, Shell } from '../shell.ts';

interface RenderFlags extends RemoteFlags {
  readonly output?: 'json';
}

interface Rules {
  readonly text: string;
}

export function addTraffic(program: Command, shell: Shell): void {
  const traffic = program.command('traffic').helpGroup('Inventory:').description('what the balancers before pools have to be told');
  remote(
    traffic
      .command('render <pool>')
      .description("the pool's section of its balancer's configuration file, from its hosts and their health check")
      .addOption(new Option('-o, --output <format>', 'json: servers and check as well').choices(['json'])),
  ).action(shell.run((pool: string, flags: RenderFlags) => render(pool, flags, shell)));
}

async function render(pool: string, flags: RenderFlags, shell: Shell): Promise<void> {
  const rules = await shell.client(flags).get<Rules>(`/v1/pools/${encodeURIComponent(pool)}/traffic-rules`);
  shell.say(flags.output === 'json' ? JSON.stringify(rules, null, 2) : rules.text.trimEnd());
}
