/** The ssh executor against a real sshd: the conformance suite, and what only a way over a network can get wrong. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ExecutorDown, HostUnreachable } from '../../../drivers/executors/port.ts';
import { createSshExecutor } from '../../../drivers/executors/ssh.ts';
import { PROGRAMS_KEPT } from '../../../drivers/executors/ssh/remote-line.ts';
import { HOST_PROGRAM, sha256 } from '../../host/host-bench.ts';
import { linesOf } from '../../support/lines.ts';
import { until } from '../../support/until.ts';
import { executorConformance } from './conformance.ts';
import { processesNaming } from './processes.ts';
import { know, makeKey, makeKeys, keygen, servantsOf, startSshd } from './real-sshd.ts';
import type { HostSpec } from '../../../domain/inventory.ts';
import type { SshExecutor, SshExecutorOptions } from '../../../drivers/executors/ssh.ts';
import type { HostInput } from '../../../drivers/executors/port.ts';
import type { Keys, RealSshd } from './real-sshd.ts';

const DIGEST = sha256(readFileSync(HOST_PROGRAM));
const options = { timeoutMs: 20_000, signal: new AbortController().signal };
let keys: Keys;
let sshd: RealSshd;
let names = 0;
const executors: SshExecutor[] = [];
const others: RealSshd[] = [];
const folders: string[] = [];

beforeAll(async () => {
  keys = makeKeys();
  sshd = await startSshd(keys);
});
afterEach(async () => {
  for (const executor of executors.splice(0)) await executor.close();
  for (const other of others.splice(0)) await other.stop();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
afterAll(async () => {
  await sshd?.stop();
  keys?.dispose();
});

function makeExecutor(change: Partial<SshExecutorOptions> = {}): SshExecutor {
  const executor = createSshExecutor({ hostProgram: HOST_PROGRAM, ...change });
  executors.push(executor);
  return executor;
}

/** A host of the shared sshd with a root of its own. */
function makeHost(change: Parameters<RealSshd['host']>[1] = {}): HostSpec {
  names += 1;
  return sshd.host(`host-${names}`, change);
}

async function another(change: Parameters<typeof startSshd>[1] = {}): Promise<RealSshd> {
  const made = await startSshd(keys, change);
  others.push(made);
  return made;
}

function makeFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sbx-')));
  folders.push(folder);
  return folder;
}

const observe = (executor: SshExecutor, host: HostSpec): Promise<unknown> => executor.run(host, 'observe', { applications: 'web' }, options);
const OBSERVED = { ok: true, result: { applications: [{ application: 'web', digest: null }] } };
const programOf = (host: HostSpec): string => join(host.executor.root, 'program', `signalbox-host-${DIGEST}`);
const step = (name: string): HostInput => ({ opId: `r-1/0/host-1/web/${name}/forward/0`, epoch: '1', application: 'web' });
const hook = (name: string, script: string): HostInput => ({ ...step(name), at: 'x', 'command.0': '/bin/sh', 'command.1': '-c', 'command.2': script, timeoutSeconds: '30', idempotent: 'false' });

executorConformance('ssh', async () => {
  const executor = createSshExecutor({ hostProgram: HOST_PROGRAM });
  return { executor, host: makeHost(), dispose: () => executor.close() };
});

describe('the host program on a host', () => {
  test('is put in place by the first call, and the next ones use it without another upload', async () => {
    const [executor, host] = [makeExecutor(), makeHost()];
    expect(await observe(executor, host)).toMatchObject(OBSERVED);
    const sessions = sshd.log().split('Starting session').length;
    expect(await observe(executor, host)).toMatchObject(OBSERVED);
    expect(sshd.log().split('Starting session')).toHaveLength(sessions + 1);
    expect(readdirSync(join(host.executor.root, 'program'))).toEqual([`signalbox-host-${DIGEST}`]);
    expect(readFileSync(programOf(host))).toEqual(readFileSync(HOST_PROGRAM));
  });

  test('that was damaged, cut short or removed is replaced by the next call', async () => {
    const [executor, host] = [makeExecutor(), makeHost()];
    await observe(executor, host);
    for (const harm of [() => writeFileSync(programOf(host), 'echo harm', { flag: 'a' }), () => writeFileSync(programOf(host), ''), () => rmSync(programOf(host)), () => rmSync(host.executor.root, { recursive: true })]) {
      harm();
      expect(await observe(executor, host)).toMatchObject(OBSERVED);
      expect(sha256(readFileSync(programOf(host)))).toBe(DIGEST);
    }
  });

  test('comes once and whole when five first calls bring it at the same time', async () => {
    const host = makeHost();
    const answers = await Promise.all(Array.from({ length: 5 }, () => observe(makeExecutor(), host)));
    for (const answer of answers) expect(answer).toMatchObject(OBSERVED);
    expect(readdirSync(join(host.executor.root, 'program'))).toEqual([`signalbox-host-${DIGEST}`]);
    expect(sha256(readFileSync(programOf(host)))).toBe(DIGEST);
  });

  test('is brought by one that is slow and one that is quick, and neither spoils it for the other', async () => {
    const host = makeHost();
    const folder = makeFolder();
    const [half, go] = [join(folder, 'half'), join(folder, 'go')];
    // An ssh whose upload stands still in the middle.
    writeFileSync(join(folder, 'ssh'), `#!/bin/sh\ncase "$*" in *upload*) { head -c 40000; : >${half}; while [ ! -e ${go} ]; do sleep 0.05; done; cat; } | exec /usr/bin/ssh "$@" ;; *) exec /usr/bin/ssh "$@" ;; esac\n`, { mode: 0o755 });
    const slow = observe(makeExecutor({ ssh: join(folder, 'ssh') }), host);
    slow.catch(() => undefined);
    await until('half an upload', () => existsSync(half));
    expect(await observe(makeExecutor(), host)).toMatchObject(OBSERVED);
    writeFileSync(go, '');
    expect(await slow).toMatchObject(OBSERVED);
    expect(readdirSync(join(host.executor.root, 'program'))).toEqual([`signalbox-host-${DIGEST}`]);
  });

  test(`of other versions stays while it is one of the ${PROGRAMS_KEPT} that came last, and leftovers of uploads go after a day`, async () => {
    const host = makeHost();
    const folder = join(host.executor.root, 'program');
    mkdirSync(folder);
    const old = Array.from({ length: 6 }, (_, index) => `signalbox-host-${String(index).repeat(64)}`);
    for (const [index, name] of [...old, '.upload-old', 'notes'].entries()) {
      writeFileSync(join(folder, name), 'x');
      utimesSync(join(folder, name), 1_000_000 + index, 1_000_000 + index);
    }
    writeFileSync(join(folder, '.upload-new'), 'x');
    await observe(makeExecutor(), host);
    expect(readdirSync(folder).toSorted()).toEqual(['.upload-new', 'notes', ...old.slice(-PROGRAMS_KEPT + 1), `signalbox-host-${DIGEST}`].toSorted());
  });

  test('is not damaged by an upload that breaks off: what came of it goes, and the next call brings it whole', async () => {
    const host = makeHost();
    const short = makeFolder();
    // An ssh that loses the second half of what it should send.
    writeFileSync(join(short, 'ssh'), '#!/bin/sh\ncase "$*" in *upload*) head -c 40000 | exec /usr/bin/ssh "$@" ;; *) exec /usr/bin/ssh "$@" ;; esac\n', { mode: 0o755 });
    await expect(observe(makeExecutor({ ssh: join(short, 'ssh') }), host)).rejects.toThrow(/cannot be kept on host-\d+: it arrived damaged/);
    expect(readdirSync(join(host.executor.root, 'program'))).toEqual([]);
    expect(await observe(makeExecutor(), host)).toMatchObject(OBSERVED);
  });

  test('that cannot be written, or that the host has no tools for, is told with what is wrong', async () => {
    const full = makeHost();
    writeFileSync(join(full.executor.root, 'program'), 'a file');
    await expect(observe(makeExecutor(), full)).rejects.toThrow(/cannot be kept on host-\d+: .*\/program cannot be written \(mkdir: .*File exists.*Give the account/);
    const bare = makeFolder();
    // Its login shell is an sh whose PATH cannot be mended: one without the tools.
    for (const tool of ['sh', 'mkdir', 'cat', 'rm', 'mv', 'ls', 'sync', 'env']) symlinkSync(realpathSync(`/bin/${tool}`), join(bare, tool));
    writeFileSync(join(bare, 'shell'), `#!/bin/sh\nexport PATH=${bare}\nexec sh -c "$(printf %s "$SSH_ORIGINAL_COMMAND" | /bin/sed "s|PATH=/usr/local/sbin[^;]*;|PATH=${bare};|")"\n`, { mode: 0o755 });
    const other = await another({ config: `ForceCommand ${join(bare, 'shell')}` });
    await expect(observe(makeExecutor(), other.host())).rejects.toThrow('The host program cannot be kept on host-1: the host lacks find sha256sum. Install them');
  });
});

describe('what ssh says of a host', () => {
  test('a host key that is another than the known one is never talked to, and said loudly', async () => {
    const other = await another({ known: false });
    know(keys, other.address, other.port, sshd.publicKey);
    const call = observe(makeExecutor(), other.host('web-07'));
    await expect(call).rejects.toBeInstanceOf(HostUnreachable);
    await expect(call).rejects.toThrow(/^web-07 \(127\.0\.0\.1 port \d+\) SHOWS ANOTHER HOST KEY .*Nothing was sent.*SHA256:.*known_hosts:\d+/s);
    expect(other.log()).not.toMatch(/Accepted|Starting session/);
    expect(existsSync(join(other.folder, 'web-07', 'program'))).toBe(false);
  });

  test('an unknown host key is refused, and never written down', async () => {
    const other = await another({ known: false });
    const before = readFileSync(keys.knownHostsFile, 'utf8');
    await expect(observe(makeExecutor(), other.host('web-07'))).rejects.toThrow(/web-07 .* shows a host key that nobody has vouched for\..*add it to known_hosts/);
    expect(other.log()).not.toMatch(/Accepted/);
    expect(readFileSync(keys.knownHostsFile, 'utf8')).toBe(before);
  });

  test('a weak ssh_config of the account changes nothing about that', async () => {
    const other = await another({ known: false });
    const configFile = join(makeFolder(), 'config');
    writeFileSync(configFile, 'Host *\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  ForwardAgent yes\n  RemoteCommand echo hijacked\n  LogLevel DEBUG\n  ControlMaster no\n');
    await expect(observe(makeExecutor(), other.host('web-07', { configFile }))).rejects.toThrow(/nobody has vouched for/);
    expect(await observe(makeExecutor(), makeHost({ configFile }))).toMatchObject(OBSERVED);
  });

  test('each way to fail names host, cause and what to do', async () => {
    const executor = makeExecutor();
    const refused = makeFolder();
    makeKey(join(refused, 'id'));
    const closed = await another();
    const host = closed.host('web-08');
    await closed.stop();
    for (const [asked, told] of [
      [makeHost({ identityFile: join(refused, 'id') }), /refused the login\. Check the user/],
      [makeHost({ user: 'nobody-of-that-name' }), /refused the login\. Check the user/],
      [host, /^web-08 .* refused the connection\. Check its address.*ssh said: .*Connection refused/],
      [{ ...makeHost(), address: 'no-such-host.invalid' }, /has an address that no name server knows/],
    ] as const) {
      const call = observe(executor, asked);
      await expect(call).rejects.toBeInstanceOf(HostUnreachable);
      await expect(call).rejects.toThrow(told);
    }
  });

  test('what is wrong with this machine is the executor being down: no client, no key, an open key, a broken configuration, no place for connections', async () => {
    const folder = makeFolder();
    writeFileSync(join(folder, 'config'), 'Nonsense yes\n');
    writeFileSync(join(folder, 'open'), readFileSync(keys.identityFile));
    chmodSync(join(folder, 'open'), 0o644);
    writeFileSync(join(folder, 'no-folder'), '');
    const long = join(folder, 'x'.repeat(60));
    mkdirSync(long);
    for (const [executor, host, told] of [
      [makeExecutor({ ssh: '/nowhere/ssh' }), makeHost(), /OpenSSH client \/nowhere\/ssh could not be started.*Install it/],
      [makeExecutor({ hostProgram: '/nowhere/host' }), makeHost(), /host program \/nowhere\/host cannot be read/],
      [makeExecutor(), makeHost({ identityFile: '/nowhere/id' }), /\/nowhere\/id, which executor\.identityFile of host-\d+ names, cannot be read/],
      [makeExecutor(), makeHost({ identityFile: join(folder, 'open') }), /chmod 600/],
      [makeExecutor(), makeHost({ configFile: join(folder, 'config') }), /ssh configuration of this machine is wrong.*nonsense/i],
      [makeExecutor({ temporaryFolder: join(folder, 'no-folder') }), makeHost(), /No folder for shared ssh connections can be made/],
      [makeExecutor({ temporaryFolder: long }), makeHost(), /too long a name.*TMPDIR/],
    ] as const) {
      const call = observe(executor, host);
      await expect(call).rejects.toBeInstanceOf(ExecutorDown);
      await expect(call).rejects.toThrow(told);
    }
  });

  test('a host program that ends with 255, or with a number that means something else here, is not taken for ssh', async () => {
    for (const status of [255, 97, 98, 3]) {
      const program = join(makeFolder(), 'program');
      writeFileSync(program, `echo it broke >&2; exit ${status}`);
      await expect(observe(makeExecutor({ hostProgram: program }), makeHost())).rejects.toThrow(new RegExp(`broke in observe \\(exit ${status === 3 ? 3 : 94}\\): it broke`));
    }
  });

  test('words that could become options, commands or other paths are refused before anything is started', async () => {
    const executor = makeExecutor({ ssh: '/nowhere/ssh' });
    for (const [bad, word] of [
      [{ root: '/srv/$(id)' }, 'executor.root'], [{ root: '/srv/a;id' }, 'executor.root'], [{ root: '/srv/../etc' }, 'executor.root'], [{ root: '/srv/a\nid' }, 'executor.root'],
      [{ user: '-oProxyCommand=id' }, 'executor.user'], [{ port: 70000 }, 'executor.port'], [{ identityFile: '-i' }, 'executor.identityFile'], [{ configFile: '/a b' }, 'executor.configFile'],
      [{ certificateFile: '/%d/x' }, 'executor.certificateFile'], [{ knownHostsFile: '/a"b' }, 'executor.knownHostsFile'], [{ jump: ['ok', '-oProxyCommand=id'] }, 'executor.jump'], [{ jump: ['a,b'] }, 'executor.jump'],
    ] as const) {
      const call = observe(executor, makeHost(bad));
      await expect(call, word).rejects.toBeInstanceOf(HostUnreachable);
      await expect(call).rejects.toThrow(word);
    }
    await expect(observe(executor, { ...makeHost(), address: '-oProxyCommand=id' })).rejects.toThrow('address "-oProxyCommand=id"');
  });
});

describe('ways to log in', () => {
  test('a certificate opens a host that knows no key, until it has expired', async () => {
    const other = await another({ config: `TrustedUserCAKeys ${keys.authority}.pub\nAuthorizedKeysFile none` });
    const folder = makeFolder();
    makeKey(join(folder, 'id'));
    const sign = (validity: string): void => {
      keygen('-q', '-s', keys.authority, '-I', 'test', '-n', userInfo().username, '-V', validity, join(folder, 'id.pub'));
      renameSync(join(folder, 'id-cert.pub'), join(folder, 'elsewhere'));
    };
    const host = other.host('web-07', { identityFile: join(folder, 'id'), certificateFile: join(folder, 'elsewhere') });
    sign('-2d:-1d');
    await expect(observe(makeExecutor(), host)).rejects.toThrow(/refused the login.*has it expired/);
    sign('-1d:+1d');
    expect(await observe(makeExecutor(), host)).toMatchObject(OBSERVED);
  });

  test('a host key that an authority has signed needs no line of its own', async () => {
    const folder = makeFolder();
    const [hostKey, knownHostsFile] = [join(folder, 'host-key'), join(folder, 'known_hosts')];
    makeKey(hostKey);
    keygen('-q', '-s', keys.authority, '-I', 'host', '-h', '-n', sshd.address, `${hostKey}.pub`);
    writeFileSync(knownHostsFile, `@cert-authority * ${readFileSync(`${keys.authority}.pub`, 'utf8')}`);
    const signed = await another({ known: false, config: `HostKey ${hostKey}\nHostCertificate ${hostKey}-cert.pub` });
    expect(await observe(makeExecutor(), signed.host('web-07', { knownHostsFile }))).toMatchObject(OBSERVED);
  });

  test('a jump host leads to a host, by one connection for all behind it, and what is wrong with it is told', async () => {
    const jump = await another();
    const through = { jump: [`${jump.address}:${jump.port}`] };
    const [first, second] = [makeHost(through), await another().then((other) => other.host('behind-2', through))];
    const executor = makeExecutor();
    expect(await observe(executor, first)).toMatchObject(OBSERVED);
    expect(await observe(executor, second)).toMatchObject(OBSERVED);
    expect(jump.log().split('Accepted publickey')).toHaveLength(2);
    const stranger = await another({ known: false });
    await expect(observe(makeExecutor(), makeHost({ jump: [`${stranger.address}:${stranger.port}`] }))).rejects.toThrow(/by way of 127\.0\.0\.1:\d+\) shows a host key that nobody has vouched for/);
    expect(stranger.log()).not.toMatch(/Accepted/);
    const deaf = await another({ config: 'AllowTcpForwarding no' });
    await expect(observe(makeExecutor(), makeHost({ jump: [`${deaf.address}:${deaf.port}`] }))).rejects.toThrow(/is not reached from its jump host\. Check .*TCP forwarding/);
  });
});

describe('a call that is cut off', () => {
  test('sshd killed in the middle makes the host unreachable, and the same opId again acts once', async () => {
    const other = await another();
    const executor = makeExecutor();
    const host = other.host();
    const mark = join(host.executor.root, 'mark');
    const go = join(host.executor.root, 'go');
    const slow = hook('hook', `echo once >> ${mark}; while [ ! -e ${go} ]; do sleep 0.05; done`);
    const call = executor.run(host, 'hook', slow, options);
    await until('the hook runs', () => existsSync(mark));
    const at = { address: other.address, port: other.port };
    for (const pid of [...servantsOf(other.pid), other.pid]) process.kill(pid, 'SIGKILL');
    await expect(call).rejects.toBeInstanceOf(HostUnreachable);
    await expect(call).rejects.toThrow(/lost the connection in between\. The same step may be sent again/);
    writeFileSync(go, '');
    const again = await another({ at, known: false, config: `HostKey ${join(other.folder, 'host-key')}` });
    expect(again.port).toBe(other.port);
    expect(await executor.run(host, 'hook', slow, options)).toMatchObject({ ok: true, repeated: true });
    expect(linesOf(mark)).toEqual(['once']);
  });

  test('an answer that is lost on its way is asked for again and told from the journal', async () => {
    const host = makeHost();
    const folder = makeFolder();
    // An ssh that brings everything to the host and nothing back.
    writeFileSync(join(folder, 'ssh'), '#!/bin/sh\n/usr/bin/ssh "$@" >/dev/null\nexit 255\n', { mode: 0o755 });
    const mark = join(host.executor.root, 'mark');
    await observe(makeExecutor(), host);
    await expect(makeExecutor({ ssh: join(folder, 'ssh') }).run(host, 'hook', hook('hook', `echo once >> ${mark}`), options)).rejects.toBeInstanceOf(HostUnreachable);
    expect(linesOf(mark)).toEqual(['once']);
    expect(await makeExecutor().run(host, 'hook', hook('hook', `echo once >> ${mark}`), options)).toMatchObject({ ok: true, repeated: true });
    expect(linesOf(mark)).toEqual(['once']);
  });
});

describe('shared connections', () => {
  test('many calls to a host log in once, and the next one is by the connection that is there', async () => {
    const other = await another();
    const executor = makeExecutor();
    const host = other.host();
    for (let n = 0; n < 5; n += 1) await observe(executor, host);
    await Promise.all(Array.from({ length: 4 }, () => observe(executor, host)));
    expect(other.log().split('Accepted publickey')).toHaveLength(2);
  });

  test('more calls at once than a host allows on one connection are answered all the same', async () => {
    const other = await another({ config: 'MaxSessions 2' });
    const executor = makeExecutor();
    const host = other.host();
    await observe(executor, host);
    for (const answer of await Promise.all(Array.from({ length: 6 }, () => observe(executor, host)))) expect(answer).toMatchObject(OBSERVED);
  });

  test('hosts with the same address and other settings never share one', async () => {
    const other = await another({ config: 'AuthorizedKeysFile none' });
    const executor = makeExecutor();
    const host = makeHost();
    expect(await observe(executor, host)).toMatchObject(OBSERVED);
    const elsewhere = { ...host, executor: { ...host.executor, jump: [`${other.address}:${other.port}`] } } as HostSpec;
    await expect(observe(executor, elsewhere)).rejects.toThrow(/by way of .* refused the login/);
  });

  test('close ends every connection and leaves no process and no folder, and a call after it works', async () => {
    const temporaryFolder = makeFolder();
    const executor = makeExecutor({ temporaryFolder });
    const jump = await another();
    const host = makeHost();
    const behind = makeHost({ jump: [`${jump.address}:${jump.port}`] });
    await observe(executor, host);
    await observe(executor, behind);
    const mark = join(host.executor.root, 'mark');
    const running = executor.run(host, 'hook', hook('hook', `echo once >> ${mark}; sleep 1`), options);
    running.catch(() => undefined);
    await until('the hook runs', () => existsSync(mark));
    expect(processesNaming(temporaryFolder).length).toBeGreaterThan(1);
    // Twice, as a worker does that is told to go while it goes.
    void executor.close();
    await executor.close();
    await expect(running).rejects.toBeInstanceOf(ExecutorDown);
    expect(processesNaming(temporaryFolder)).toEqual([]);
    expect(readdirSync(temporaryFolder)).toEqual([]);
    expect(await observe(executor, host)).toMatchObject(OBSERVED);
  });

  test('a connection that does not answer any more is ended by close, too', async () => {
    const temporaryFolder = makeFolder();
    const executor = makeExecutor({ temporaryFolder });
    await observe(executor, makeHost());
    for (const { pid } of processesNaming(temporaryFolder)) process.kill(pid, 'SIGSTOP');
    await executor.close();
    expect(processesNaming(temporaryFolder)).toEqual([]);
  });

  test('a folder that was cleared away is made anew', async () => {
    const temporaryFolder = makeFolder();
    const executor = makeExecutor({ temporaryFolder });
    const host = makeHost();
    await observe(executor, host);
    const [made = ''] = readdirSync(temporaryFolder);
    for (const { pid } of processesNaming(temporaryFolder)) process.kill(pid, 'SIGKILL');
    rmSync(join(temporaryFolder, made), { recursive: true });
    expect(await observe(executor, host)).toMatchObject(OBSERVED);
  });
});
