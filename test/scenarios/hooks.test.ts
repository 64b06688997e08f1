/** A hook that may not run twice, in earnest: the real host program, and a worker that is killed together with the hook it was waiting for. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { linesOf } from '../support/lines.ts';
import { until } from '../support/until.ts';
import { openWholeStack, type WholeStack } from './whole-stack.ts';

const ENDED = ['succeeded', 'failed', 'rolled-back', 'rollback-incomplete', 'aborted', 'rejected'];
const folder = mkdtempSync(join(tmpdir(), 'hooks-'));
let stack: WholeStack;

interface Release {
  readonly status: string;
  readonly paused: { readonly cause: string; readonly deadline: string | null } | null;
  readonly debt?: readonly unknown[];
  readonly batches: readonly { readonly targets: readonly { readonly host: string; readonly error: { readonly code: string; readonly step: string } | null }[] }[];
}

/** Notes its begin with what the application's own environment and folder say, hangs once where it is asked to, and notes its end. */
const script = `test -n "$WITNESS" && test -e ./app.cjs || exit 9; echo begun >> ${folder}/\${host.name}; if rm ${folder}/hang 2>/dev/null; then echo $$ > ${folder}/hanging; sleep 600; fi; echo "ended \${version}" >> ${folder}/\${host.name}`;

beforeAll(async () => {
  stack = await openWholeStack((document) => {
    const { kind } = document as { readonly kind: string };
    const hooks = [{ at: 'after-start', command: ['/bin/sh', '-c', script], timeoutSeconds: 600 }, { at: 'after-start', command: ['/bin/sh', '-c', `echo next >> ${folder}/\${host.name}`] }];
    return kind === 'Application' ? { ...document, hooks } : document;
  });
  await stack.publish('1.0.0');
  await stack.publish('2.0.0');
}, 120_000);
afterAll(async () => {
  await stack?.end();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

const read = (id: string): Promise<Release | null> => stack.api.get<Release>(`/v1/releases/${id}`).catch(() => null);
const reached = async (id: string, what: string, done: (release: Release) => boolean): Promise<Release> => {
  let seen: Release | null = null;
  const release = await until(what, async () => {
    seen = await read(id);
    return seen !== null && done(seen) && seen;
  }, 120_000).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${JSON.stringify(seen).slice(0, 3_000)}`);
  });
  return release;
};
const witness = (host: string): readonly string[] => linesOf(join(folder, host));

/** The process group of a process: what the host program made of its own for the hook. */
function groupOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
}

test('cut off in mid-hook with the worker, the release asks although its strategy rolls back, and done goes on without running the hook twice', { timeout: 240_000 }, async () => {
  const first = await stack.release('1.0.0');
  expect((await reached(first, 'the end of the first release', ({ status }) => ENDED.includes(status))).status).toBe('succeeded');
  for (const { name } of stack.fleet.hosts) expect(witness(name), name).toEqual(['begun', 'ended 1.0.0', 'next']);

  writeFileSync(join(folder, 'hang'), '');
  const id = await stack.release('2.0.0');
  const pid = await until('the hook hangs', () => existsSync(join(folder, 'hanging')) && Number(readFileSync(join(folder, 'hanging'), 'utf8')), 60_000);
  const back = stack.kill('worker');
  process.kill(-groupOf(pid), 'SIGKILL');
  await back;

  const asking = await reached(id, 'the question', ({ paused }) => paused !== null);
  expect(asking.paused).toMatchObject({ cause: 'ask', deadline: null });
  const stopped = asking.batches.flatMap(({ targets }) => targets).filter(({ error }) => error !== null);
  expect(stopped).toMatchObject([{ error: { code: 'unknown-outcome', step: 'start' } }]);
  const victim = stopped[0]?.host ?? '';
  expect(witness(victim)).toEqual(['begun', 'ended 1.0.0', 'next', 'begun']);

  await stack.api.post(`/v1/releases/${id}/commands?waitSeconds=30`, { type: 'answer', reason: 'looked', choices: { [victim]: 'done' } }, `${id}-done`);
  expect((await reached(id, 'the end', ({ status }) => ENDED.includes(status))).status).toBe('succeeded');
  expect(witness(victim)).toEqual(['begun', 'ended 1.0.0', 'next', 'begun', 'next']);
  for (const { name } of stack.fleet.hosts) {
    if (name !== victim) expect(witness(name), name).toEqual(['begun', 'ended 1.0.0', 'next', 'begun', 'ended 2.0.0', 'next']);
    expect(stack.starts(name), name).toEqual(['1.0.0', '2.0.0']);
  }
});
