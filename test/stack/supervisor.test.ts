import { spawn, type ChildProcess } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import { isAlive } from '../../stack/children.ts';
import { openGuard, type Guard } from '../../stack/guard.ts';
import { Supervisor, type Service } from '../../stack/supervisor.ts';
import { until } from '../support/until.ts';

const opened: { guard: Guard; supervisor: Supervisor }[] = [];

afterEach(async () => {
  for (const { guard, supervisor } of opened.splice(0)) {
    await supervisor.endAll();
    guard.close();
  }
});

function supervise(): { supervisor: Supervisor; log: string[] } {
  const guard = openGuard();
  const log: string[] = [];
  const supervisor = new Supervisor({ guard, log: (line) => log.push(line), backoffMs: 5 });
  opened.push({ guard, supervisor });
  return { supervisor, log };
}

function sleeper(name: string): Service {
  return {
    name,
    spawn: () => spawn('sleep', ['600'], { detached: true, stdio: 'ignore' }),
    ready: async () => {},
    ending: { signal: 'SIGTERM', timeoutMs: 2_000 },
  };
}

test('a service that is killed runs again with another process', async () => {
  const { supervisor, log } = supervise();
  await supervisor.start(sleeper('worker'));
  const first = supervisor.running()[0]?.pid ?? 0;
  process.kill(first, 'SIGKILL');
  const second = await until('the restart', () => supervisor.running().find(({ pid }) => pid !== first)?.pid);
  expect(isAlive(second)).toBe(true);
  await until('the notice', () => log.some((line) => line.includes('worker runs again')));
});

test('the death of one service leaves the others alone', async () => {
  const { supervisor } = supervise();
  await supervisor.start(sleeper('database'));
  await supervisor.start(sleeper('worker'));
  const [database, worker] = supervisor.running();
  process.kill(worker?.pid ?? 0, 'SIGKILL');
  await until('the restart', () => supervisor.running().some(({ name, pid }) => name === 'worker' && pid !== worker?.pid));
  expect(supervisor.running().find(({ name }) => name === 'database')).toEqual(database);
});

test('everything is ended in reverse order and nothing is started again', async () => {
  const { supervisor } = supervise();
  await supervisor.start(sleeper('first'));
  await supervisor.start(sleeper('second'));
  const pids = supervisor.running().map(({ pid }) => pid);
  await supervisor.endAll();
  expect(pids.map((pid) => isAlive(pid))).toEqual([false, false]);
  expect(supervisor.running()).toEqual([]);
  await expect(supervisor.start(sleeper('third'))).rejects.toThrow('being ended');
});

test('a service that ignores its signal is killed after its time and that is told', async () => {
  const { supervisor, log } = supervise();
  let child: ChildProcess | null = null;
  const ready = async (started: ChildProcess): Promise<void> => {
    await new Promise((resolve) => started.stdout?.once('data', resolve));
  };
  const script = 'trap "" TERM; echo ready; while :; do sleep 600 & wait; done';
  await supervisor.start({ name: 'stubborn', ready, ending: { signal: 'SIGTERM', timeoutMs: 100 }, spawn: () => (child = spawn('sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] })) });
  await supervisor.endAll();
  expect(isAlive((child as ChildProcess | null)?.pid ?? 0)).toBe(false);
  expect(log.join()).toContain('stubborn did not end');
});

test('a service that never gets ready is ended and its reason thrown', async () => {
  const { supervisor } = supervise();
  let pid = 0;
  const ready = async (child: ChildProcess): Promise<void> => {
    pid = child.pid ?? 0;
    throw new Error('the schema is missing');
  };
  await expect(supervisor.start({ ...sleeper('api'), ready })).rejects.toThrow('the schema is missing');
  expect(isAlive(pid)).toBe(false);
  expect(supervisor.running()).toEqual([]);
});
