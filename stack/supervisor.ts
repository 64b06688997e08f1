/** Owns every long-running child of a launcher: starts it, starts it again when it dies, ends it. */
import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { endChild, type Ending } from './children.ts';
import type { Guard } from './guard.ts';

/** A program that is to run until the launcher ends. */
export interface Service {
  readonly name: string;
  /** spawned detached, so that a Ctrl-C in the terminal reaches only the launcher, which ends things in their order */
  readonly spawn: () => ChildProcess;
  /** ends when the program can be used; throws when it cannot */
  readonly ready: (child: ChildProcess) => Promise<void>;
  readonly ending: Ending;
}

export interface SupervisorOptions {
  readonly guard: Guard;
  readonly log: (line: string) => void;
  /** told after every change of who runs */
  readonly onChange?: (running: readonly RunningService[]) => void;
  /** first wait before a dead program is started again; doubles up to 16 times that */
  readonly backoffMs?: number;
}

export interface RunningService {
  readonly name: string;
  readonly pid: number;
}

interface Owned {
  readonly service: Service;
  child: ChildProcess;
  startedAt: number;
  deaths: number;
}

const BACKOFF_MS = 250;
const BACKOFF_DOUBLINGS_MAX = 4;
/** a program that ran this long is taken as healthy: its next death starts counting anew */
const STABLE_MS = 30_000;

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #owned: Owned[] = [];
  readonly #ended = new AbortController();

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Starts a service and waits until it is ready. From then on a death of it is repaired. Throws what `ready` throws, the child ended. */
  async start(service: Service): Promise<void> {
    if (this.#ended.signal.aborted) throw new Error(`${service.name} is not started: everything is being ended`);
    const owned: Owned = { service, child: this.#spawn(service), startedAt: Date.now(), deaths: 0 };
    this.#owned.push(owned);
    this.#changed();
    try {
      await service.ready(owned.child);
    } catch (error) {
      this.#owned.splice(this.#owned.indexOf(owned), 1);
      await endChild(owned.child, service.ending);
      this.#changed();
      throw error;
    }
    this.#repairOnDeath(owned);
  }

  running(): readonly RunningService[] {
    return this.#owned.flatMap(({ service, child }) => (child.pid === undefined || hasEnded(child) ? [] : [{ name: service.name, pid: child.pid }]));
  }

  /** Ends everything, the last started first. Tries all, then throws what went wrong. */
  async endAll(): Promise<void> {
    this.#ended.abort();
    const failures: unknown[] = [];
    for (const { service, child } of this.#owned.splice(0).reverse()) {
      try {
        const wasKilled = await endChild(child, service.ending);
        if (wasKilled) this.#options.log(`${service.name} did not end within ${service.ending.timeoutMs / 1000} s of ${service.ending.signal} and was killed`);
      } catch (error) {
        failures.push(error);
      }
    }
    this.#changed();
    if (failures.length > 0) throw new AggregateError(failures, 'Not everything could be ended');
  }

  #spawn(service: Service): ChildProcess {
    const child = service.spawn();
    const { pid } = child;
    child.once('error', (error) => this.#options.log(`${service.name} could not be started: ${error.message}`));
    if (pid !== undefined) {
      this.#options.guard.watch(pid, service.ending);
      child.once('exit', () => this.#options.guard.forget(pid));
    }
    return child;
  }

  #repairOnDeath(owned: Owned): void {
    if (hasEnded(owned.child)) void this.#repair(owned);
    else owned.child.once('exit', () => void this.#repair(owned));
  }

  async #repair(owned: Owned): Promise<void> {
    while (!this.#ended.signal.aborted) {
      owned.deaths = Date.now() - owned.startedAt > STABLE_MS ? 1 : owned.deaths + 1;
      const waitMs = (this.#options.backoffMs ?? BACKOFF_MS) * 2 ** Math.min(owned.deaths - 1, BACKOFF_DOUBLINGS_MAX);
      this.#options.log(`${owned.service.name} ended (${howItEnded(owned.child)}); starting it again in ${waitMs / 1000} s`);
      this.#changed();
      await delay(waitMs, undefined, { signal: this.#ended.signal }).catch(() => {});
      if (this.#ended.signal.aborted) return;
      if (await this.#startAgain(owned)) return;
    }
  }

  async #startAgain(owned: Owned): Promise<boolean> {
    owned.child = this.#spawn(owned.service);
    owned.startedAt = Date.now();
    this.#changed();
    try {
      await owned.service.ready(owned.child);
    } catch (error) {
      if (!this.#ended.signal.aborted) this.#options.log(`${owned.service.name} is not ready: ${(error as Error).message}`);
      await endChild(owned.child, owned.service.ending);
      return false;
    }
    this.#options.log(`${owned.service.name} runs again`);
    this.#repairOnDeath(owned);
    return true;
  }

  #changed(): void {
    this.#options.onChange?.(this.running());
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function howItEnded(child: ChildProcess): string {
  return child.signalCode ?? (child.exitCode === null ? 'never ran' : `exit code ${child.exitCode}`);
}
