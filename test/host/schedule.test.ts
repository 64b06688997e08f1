/** Cron entries: only the lines of the application are ever changed, and no job of the release of before runs on behind the switch. */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { SHELLS, install, makeBench, observe, step } from './host-bench.ts';
import { linesOf } from '../support/lines.ts';
import { until } from '../support/until.ts';
import type { HostBench } from './host-bench.ts';

const benches: HostBench[] = [];
const jobs: ReturnType<typeof spawn>[] = [];
afterEach(() => {
  for (const job of jobs.splice(0)) job.kill('SIGKILL');
  for (const bench of benches.splice(0)) bench.dispose();
});

const OTHERS = 'MAILTO=ops\n# mine, with  two spaces\n\n0 1 * * * /usr/bin/backup  --all\n# signalbox begin web2\n# signalbox end web2\n';
/** Notes its words and a variable, then does what the test wants: `go` lets it end. */
const JOB = '#!/bin/sh\necho "$@ $WHO" >> "$WITNESS"\nuntil [ -e "$WITNESS.go" ]; do sleep 0.02; done\n';

interface Scheduled {
  readonly bench: HostBench;
  readonly tab: string;
  readonly text: () => string;
  readonly witness: string;
  /** runs the entry of that place as cron does: the command by a shell */
  readonly asCron: (entry: number) => ReturnType<typeof spawn>;
  readonly put: (to: string, name?: string) => ReturnType<HostBench['run']>;
}

async function scheduled(shell: (typeof SHELLS)[number], { tabText = OTHERS as string | null, wait = '0', then = 'fail', more = {} as Readonly<Record<string, string>> } = {}): Promise<Scheduled> {
  const bench = makeBench(shell);
  benches.push(bench);
  const tab = join(bench.root, '../crontab');
  if (tabText !== null) writeFileSync(tab, tabText);
  const witness = join(bench.root, 'jobs');
  const { digest } = await install(bench, '1.0.0', { program: JOB });
  const entries = ['at */5 * * * *', 'word ./app', "word it's 100% of \"$HOME\"", 'at @daily', 'word ./app', 'word second'].join('\n');
  const { config } = await bench.result('configure', { ...step('cron'), version: '1.0.0', runs: 'schedule', cronFile: tab, cronWaitSeconds: wait, cronThen: then, cronEntries: entries, 'env.WITNESS': witness, 'env.WHO': "me'", 'env.PATH': '/usr/bin:/bin', stopTimeoutSeconds: '1', ...more });
  await bench.result('switch', { ...step('link'), digest, config: String(config), expectedDigest: '' });
  let calls = 0;
  return {
    bench, tab, witness,
    text: () => readFileSync(tab, 'utf8'),
    put: (to, name = `${to}-${(calls += 1)}`) => bench.run('schedule', { ...step(name), to }),
    asCron: (entry) => {
      const line = readFileSync(tab, 'utf8').split('\n').find((one) => one.includes(`job-${entry}`)) ?? '';
      const job = spawn('/bin/sh', ['-c', line.slice(line.indexOf('/bin/sh'))], { stdio: 'ignore', env: { PATH: '/usr/bin:/bin' } });
      jobs.push(job);
      return job;
    },
  };
}

const ended = (job: ReturnType<typeof spawn>): Promise<unknown> => until('the job has ended', () => job.exitCode !== null || job.signalCode !== null);

describe.each(SHELLS)('under %s', (shell) => {
  test('entries are put in between markers, taken out in their place, and gone without a trace; rights stay', async () => {
    const { bench, tab, text, put } = await scheduled(shell);
    chmodSync(tab, 0o640);
    expect(await observe(bench)).toMatchObject({ serves: false, runs: 'schedule' });
    expect(await put('in')).toMatchObject({ ok: true, result: { block: 'full' } });
    const block = `# signalbox begin web\n*/5 * * * * /bin/sh '${bench.root}/web/run/job-0'\n@daily /bin/sh '${bench.root}/web/run/job-1'\n# signalbox end web\n`;
    expect(text()).toBe(OTHERS + block);
    expect(await observe(bench)).toMatchObject({ serves: true, process: null });
    writeFileSync(tab, `${text()}9 9 * * * later\n`);
    expect(await put('out')).toMatchObject({ ok: true, result: { block: 'empty' } });
    expect(text()).toBe(`${OTHERS}# signalbox begin web\n# signalbox end web\n9 9 * * * later\n`);
    expect(await observe(bench)).toMatchObject({ serves: false });
    await put('in');
    expect(text()).toBe(`${OTHERS}${block}9 9 * * * later\n`);
    await put('gone');
    expect([text(), statSync(tab).mode & 0o777]).toEqual([`${OTHERS}9 9 * * * later\n`, 0o640]);
  });

  test('a crontab that was made for it goes with it', async () => {
    const { tab, put } = await scheduled(shell, { tabText: null, more: { cronUser: 'nobody' } });
    await put('in');
    expect(readFileSync(tab, 'utf8')).toContain('*/5 * * * * nobody /bin/sh');
    expect(statSync(tab).mode & 0o777).toBe(0o644);
    await put('out');
    expect(existsSync(tab)).toBe(true);
    await put('gone');
    expect(existsSync(tab)).toBe(false);
  });

  test('a job runs with its words and environment; while it runs its entries cannot be taken out, and stand as before', async () => {
    const { bench, text, put, asCron, witness } = await scheduled(shell);
    await put('in');
    const before = text();
    const job = asCron(0);
    await until('the job runs', () => linesOf(witness).length === 1);
    expect(linesOf(witness)).toEqual(['it\'s 100% of "$HOME" me\'']);
    expect(await put('out')).toMatchObject({ ok: false, error: 'job-running' });
    expect([text(), await observe(bench)]).toMatchObject([before, { serves: true }]);
    writeFileSync(`${witness}.go`, '');
    await ended(job);
    expect(await put('out')).toMatchObject({ ok: true, result: { endedProcesses: 0 } });
  });

  test('a job is waited for, and one that begins meanwhile does nothing', async () => {
    const { put, asCron, witness, tab } = await scheduled(shell, { wait: '20' });
    await put('in');
    const first = asCron(0);
    await until('the job runs', () => linesOf(witness).length === 1);
    const remembered = readFileSync(tab, 'utf8');
    const out = put('out');
    await until('the entries are out', () => !readFileSync(tab, 'utf8').includes('job-0'));
    const late = spawn('/bin/sh', ['-c', remembered.split('\n').find((line) => line.includes('job-1'))?.replace('@daily ', '') ?? ''], { stdio: 'ignore', env: { PATH: '/usr/bin:/bin' } });
    jobs.push(late);
    writeFileSync(`${witness}.go`, '');
    await Promise.all([ended(first), ended(late)]);
    expect(await out).toMatchObject({ ok: true, result: { endedProcesses: 0 } });
    expect(linesOf(witness)).toHaveLength(1);
  });

  test('a job that runs on is ended where that is declared', async () => {
    const { put, asCron, witness } = await scheduled(shell, { then: 'end' });
    await put('in');
    const job = asCron(0);
    await until('the job runs', () => linesOf(witness).length === 1);
    const answer = await put('out');
    expect(answer).toMatchObject({ ok: true });
    expect(answer.ok && Number(answer.result['endedProcesses'])).toBeGreaterThan(0);
    await ended(job);
  });

  test('a crontab that cannot be changed without touching lines of others is left as it is', async () => {
    const { text, tab, put } = await scheduled(shell, { tabText: '@daily last line without an end' });
    expect(await put('in', 'put')).toMatchObject({ ok: false, error: 'unexpected-link' });
    expect(text()).toBe('@daily last line without an end');
    writeFileSync(tab, '# signalbox begin web\n@daily whose is this\n');
    expect(await put('in', 'put')).toMatchObject({ ok: false, error: 'unexpected-link' });
    expect(text()).toBe('# signalbox begin web\n@daily whose is this\n');
    writeFileSync(tab, OTHERS);
    expect(await put('in', 'put')).toMatchObject({ ok: true });
    expect(await put('in', 'put')).toMatchObject({ ok: true, repeated: true });
  });
});
