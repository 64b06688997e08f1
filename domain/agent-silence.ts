/** A call for an agent went unanswered: whose silence was it, and what is said of it. */

/** Agents whose line broke come again within this time; until then nothing is held against a host. */
export const RETURN_MS = 15_000;

export interface Silence {
  readonly host: string;
  readonly verb: string;
  /** how long the call was waited for */
  readonly waitedMs: number;
  /** for how long some API process has been there for agents without a gap; null: none is */
  readonly deskOpenMs: number | null;
  /** since the agent's last poll; null: none ever came */
  readonly seenMsAgo: number | null;
  /** since the call was handed out; null: it was not, and is not any more */
  readonly handedMsAgo: number | null;
}

/**
 * Why a call cannot reach its agent now, through no fault of its host; null: it can. Asked before a call and while it waits, so that our
 * absence uses up no time in which something is expected of a host, such as the patience of a health check.
 */
export function absence({ host, deskOpenMs, seenMsAgo }: Pick<Silence, 'host' | 'deskOpenMs' | 'seenMsAgo'>): string | null {
  if (deskOpenMs === null) return `No API process is there for agents, so ${host} cannot be reached. Start one; agents come again by themselves.`;
  if (deskOpenMs >= RETURN_MS || (seenMsAgo !== null && seenMsAgo <= deskOpenMs)) return null;
  return `The API came back ${seconds(deskOpenMs)} ago, and the agent of ${host} has yet to come again. The same step may be sent again.`;
}

/** `executor`: ours was away or only just came back, so nothing is judged. `host`: the agent had its chance. */
export interface SilenceVerdict {
  readonly fault: 'executor' | 'host';
  readonly sentence: string;
}

export function judgeSilence(silence: Silence): SilenceVerdict {
  const { host, verb, waitedMs, deskOpenMs, seenMsAgo, handedMsAgo } = silence;
  const away = deskOpenMs === null ? absence(silence) : null;
  if (away !== null) return { fault: 'executor', sentence: away };
  if (deskOpenMs !== null && deskOpenMs < Math.min(waitedMs, RETURN_MS)) return { fault: 'executor', sentence: `The API was away while ${verb} waited for ${host}, and came back ${seconds(deskOpenMs)} ago. The same step may be sent again.` };
  const within = `${host} did not answer ${verb} within ${waitedMs} ms`;
  if (handedMsAgo !== null) return { fault: 'host', sentence: `${within}: its agent took the call ${seconds(handedMsAgo)} ago and has not answered yet. The same step may be sent again; it is told what the first one did.` };
  if (seenMsAgo === null) return { fault: 'host', sentence: `${within}: no agent ever asked for its work. Make a token (signalbox host-token create ${host} NAME) and start signalbox-agent there.` };
  return { fault: 'host', sentence: `${within}: its agent last asked for work ${seconds(seenMsAgo)} ago. Look at its log there; the same step may be sent again.` };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
