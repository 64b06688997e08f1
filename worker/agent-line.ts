/** The worker's line to agents: calls wait in the database, answers are heard of by a notification. Nothing is opened before the first call. */
import { askCall, fetchAnswer, giveUpCall } from '../db/agent-calls.ts';
import { deskOpenMs, listAgents } from '../db/agents.ts';
import { createBells } from '../db/bells.ts';
import { keepHostProgram } from '../db/host-programs.ts';
import { listenOn } from '../db/notifications.ts';
import { createDeskWatch } from './desk-watch.ts';
import type { AgentCalls } from '../drivers/executors/agent.ts';
import type { Database } from '../db/client.ts';
import type { Listener } from '../db/notifications.ts';

/** Looks without having been told: a listener may have lost its connection without knowing. */
const LOOK_MS = 10_000;

export interface AgentLine extends AgentCalls {
  /** Ends listening; calls under way end when their callers end them. */
  close(): Promise<void>;
}

/** Of a worker that has no database, such as one inside a site. */
export const NO_AGENTS: AgentLine = {
  keepProgram: () => Promise.reject(new Error('this worker has no database, where calls would wait for agents')),
  presence: () => Promise.reject(new Error('this worker has no database')),
  ask: () => Promise.reject(new Error('this worker has no database')),
  answer: () => Promise.resolve(null),
  giveUp: () => Promise.reject(new Error('this worker has no database')),
  close: () => Promise.resolve(),
};

export function openAgentLine(db: Database): AgentLine {
  const bells = createBells();
  let listener: Listener | null = null;
  const listening = (): void => {
    listener ??= listenOn({ url: db.url, channel: 'signalbox_answer', onId: bells.ring, onGap: bells.ringAll });
  };
  const presence: AgentCalls['presence'] = async (host) => {
    const [open, [agent]] = await Promise.all([deskOpenMs(db), listAgents(db, [host])]);
    return { deskOpenMs: open, seenMsAgo: agent?.seenMsAgo ?? null };
  };
  const desk = createDeskWatch({ isOpen: async () => (await deskOpenMs(db)) !== null, onClosed: bells.ringAll });
  return {
    keepProgram: (program) => keepHostProgram(db, program),
    ask: (call) => {
      listening();
      return askCall(db, call);
    },
    presence,
    answer: (id, signal) =>
      desk.watched(async () => {
        const found = await bells.untilFound(String(id), { signal, lookMs: LOOK_MS }, async () => {
          const answer = await fetchAnswer(db, id);
          return answer === null && (await desk.isOpen()) ? null : { answer };
        });
        return found?.answer ?? null;
      }),
    giveUp: async (id, host) => ({ ...(await giveUpCall(db, id)), ...(await presence(host)) }),
    close: async () => {
      const closing = listener;
      listener = null;
      await closing?.close();
    },
  };
}
