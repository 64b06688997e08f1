/** PUT /v1/hosts/{name}, kind: Host. */
import { z } from 'zod';
import type { HostSpec } from '../../domain/inventory.ts';
import { isAddress, isHop, isLogin, isPlainPath, isSafePath } from '../../domain/names.ts';
import { Name, Variables, whole } from './text.ts';

const SHELL_PATH_RULE = 'must be an absolute path of letters, digits and ". _ @ + -" in its parts, without ".."';
/** A file on the workers' machines; ssh reads such words with rules of its own, so nothing that it would expand may stand there. */
const WorkerFile = z.string().max(1024).refine(isPlainPath, SHELL_PATH_RULE).nullable().default(null);

const LocalExecutor = z.strictObject({
  driver: z.literal('local'),
  root: z
    .string()
    .max(1024)
    .refine((path) => isSafePath(path) && path !== '/', 'must be an absolute path below "/", without ".." and control characters'),
});

const SshExecutor = z.strictObject({
  driver: z.literal('ssh'),
  root: z.string().max(1024).refine(isPlainPath, SHELL_PATH_RULE).meta({ description: 'folder on the host for releases, journal, logs and the host program' }),
  user: z.string().refine(isLogin, 'must be 1 to 64 of letters, digits, ".", "_" and "-", beginning with a letter or "_"').nullable().default(null),
  port: whole(1, 65535).nullable().default(null),
  identityFile: WorkerFile.meta({ description: 'private key on the worker; no other key is offered then' }),
  certificateFile: WorkerFile.meta({ description: 'certificate of that key on the worker' }),
  configFile: WorkerFile.meta({ description: 'ssh_config on the worker, in place of its account\'s and its machine\'s' }),
  knownHostsFile: WorkerFile.meta({ description: 'known_hosts on the worker, in place of its account\'s' }),
  jump: z
    .array(z.string().max(400).refine(isHop, 'must be [user@]host[:port], an IPv6 address in brackets'))
    .max(4)
    .default([])
    .meta({ description: 'hosts on the way, the nearest first' }),
});

const AgentExecutor = z.strictObject({
  driver: z.literal('agent'),
  root: z.string().max(1024).refine(isPlainPath, SHELL_PATH_RULE).meta({ description: 'the folder that the agent was started with' }),
});

const Executor = z.discriminatedUnion('driver', [LocalExecutor, SshExecutor, AgentExecutor]);

export const Host = z
  .strictObject({
    name: Name,
    address: z.string().min(1).max(253).refine(isAddress, 'must be a host name or an IP address'),
    zone: Name.default('default'),
    site: Name.exactOptional().meta({ description: 'the site whose workers reach this host; left out: the ordinary workers do' }),
    labels: Variables,
    executor: Executor,
    variables: Variables,
  })
  .refine(({ site, executor }) => site === undefined || executor.driver !== 'agent', { path: ['site'], message: 'must be left out: an agent comes to the API by itself, wherever its host is' })
  .meta({ id: 'Host' }) satisfies z.ZodType<HostSpec>;
