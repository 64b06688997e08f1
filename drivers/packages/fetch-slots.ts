/** How many hosts fetch packages at the same time: a store must survive fifty hosts that want the same file at once. */

export interface FetchSlots {
  /** running now */
  readonly active: number;
  /** standing in line */
  readonly waiting: number;
  /** Runs `work` when a slot is free, first come first served. Leaves the line, throwing the signal's reason, when aborted. */
  run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

/** @param max at least 1; throws RangeError otherwise */
export function createFetchSlots(max: number): FetchSlots {
  if (!Number.isInteger(max) || max < 1) throw new RangeError(`Fetch slots must be a whole number of at least 1, not ${max}.`);
  const line: (() => void)[] = [];
  let active = 0;
  const leave = (): void => {
    const next = line.shift();
    // The slot is handed over rather than freed, so nobody who comes now overtakes the line.
    if (next === undefined) active -= 1;
    else next();
  };
  return {
    get active() {
      return active;
    },
    get waiting() {
      return line.length;
    },
    async run(signal, work) {
      signal.throwIfAborted();
      if (active < max) active += 1;
      else await standInLine(line, signal);
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}

function standInLine(line: (() => void)[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const turn = (): void => {
      signal.removeEventListener('abort', abort);
      resolve();
    };
    const abort = (): void => {
      line.splice(line.indexOf(turn), 1);
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    line.push(turn);
  });
}
