/** Receipts: how they read, how a refusal reads, and how one waits for either. */
import { getReceipt } from '../db/commands.ts';
import { Problem } from './problem.ts';
import type { Receipt } from '../db/commands.ts';
import type { Refusal } from '../domain/release/commands.ts';
import type { ApiDeps } from './deps.ts';

const LOOK_MS = 1000;

export interface WaitLimit {
  readonly waitSeconds: number;
  readonly signal: AbortSignal;
}

/**
 * Told by a notification, and looking by itself in case one was lost: the receipt once it is settled, or as it stands when the time is
 * up; null when there is none.
 */
export async function settledReceipt(deps: ApiDeps, id: string, release: string, { waitSeconds, signal }: WaitLimit): Promise<Receipt | null> {
  const endMs = Date.now() + Math.min(waitSeconds * 1000, deps.waitMsMax ?? Number.POSITIVE_INFINITY);
  let wake: () => void = () => {};
  const unsubscribe = deps.notifications.subscribe(release, () => wake());
  try {
    for (;;) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      const receipt = await getReceipt(deps.db, id);
      const leftMs = endMs - Date.now();
      if (receipt === null || receipt.state !== 'accepted' || leftMs <= 0 || signal.aborted) return receipt;
      const timer = setTimeout(resolve, Math.min(LOOK_MS, leftMs));
      signal.addEventListener('abort', () => resolve(), { once: true });
      await promise;
      clearTimeout(timer);
    }
  } finally {
    unsubscribe();
  }
}

/** The one shape of a refusal, whether it comes at once or after the worker was asked. */
export function refused(refusal: Refusal, receipt?: Receipt): Problem {
  const { code, message, allowed, available } = refusal;
  const detail = `${message} Allowed now: ${allowed.length === 0 ? 'nothing' : allowed.join(', ')}.`;
  return new Problem('refused', { detail, extra: { code, allowed, ...(available === undefined ? {} : { available }), ...(receipt ? { receipt: receiptView(receipt) } : {}) } });
}

export interface ReceiptView {
  readonly id: string;
  readonly type: string;
  readonly state: Receipt['state'];
  readonly by: string;
  readonly at: string;
  readonly reason: string;
  /** the release that carries the command out: another one when an ended release is taken back */
  readonly release: string;
  readonly refusal: Refusal | null;
  readonly settledAt: string | null;
}

export function receiptView({ id, type, state, by, at, reason, release, newRelease, refusal, settledAt }: Receipt): ReceiptView {
  return { id, type, state, by: by.name, at, reason, release: newRelease ?? release, refusal: refusal ?? null, settledAt: settledAt ?? null };
}
