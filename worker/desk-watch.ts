/** Whether any API process is there for agents: one question at a time for all the calls that wait. */

/** While calls wait, it is asked this often without their asking. */
const LOOK_MS = 2_000;
/** Who asks within a moment of another gets the same answer. */
const KNOWN_MS = 1_000;

export interface DeskWatch {
  /** throws what asking throws */
  isOpen(): Promise<boolean>;
  /** Does the work, and tells `onClosed` as long as it lasts and nobody is there. */
  watched<T>(work: () => Promise<T>): Promise<T>;
}

export function createDeskWatch({ isOpen: ask, onClosed }: { readonly isOpen: () => Promise<boolean>; readonly onClosed: () => void }): DeskWatch {
  let last: { readonly answer: Promise<boolean>; readonly atMs: number } | null = null;
  let waiting = 0;
  let timer: NodeJS.Timeout | null = null;
  const isOpen = (): Promise<boolean> => {
    const nowMs = performance.now();
    if (last === null || nowMs - last.atMs >= KNOWN_MS) last = { answer: ask(), atMs: nowMs };
    return last.answer;
  };
  // Where it cannot be asked, those who wait find that out by themselves.
  const look = (): void => void isOpen().then((open) => open || onClosed(), onClosed);
  return {
    isOpen,
    async watched(work) {
      waiting += 1;
      timer ??= setInterval(look, LOOK_MS);
      try {
        return await work();
      } finally {
        waiting -= 1;
        if (waiting === 0) {
          clearInterval(timer);
          timer = null;
        }
      }
    },
  };
}
