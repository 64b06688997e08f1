/** GET /v1/health: how every part is, with what to do about those that are not well. Asked by `signalbox doctor`. */
import { z } from 'zod';
import { pingDatabase } from '../db/client.ts';
import { listFindings } from '../db/findings.ts';
import { listOwnRepairs } from '../db/repairs.ts';
import { balancerLooks, outboxBacklog, pulseAgeMs, runningReleases } from '../db/watchdog-facts.ts';
import { lastTurns } from '../db/watchdog-turn.ts';
import { healthOf } from '../domain/watchdog/health.ts';
import { operation } from './route.ts';
import type { ApiDeps } from './deps.ts';
import type { Operation } from './route.ts';

const Part = z.strictObject({ name: z.string(), ok: z.boolean(), sentence: z.string(), next: z.string().nullable() });
const OwnRepair = z.strictObject({ what: z.string(), subject: z.string(), sentence: z.string(), at: z.string() });
const Health = z
  .strictObject({ ok: z.boolean(), parts: z.array(Part), findings: z.int(), ownRepairs: z.array(OwnRepair).meta({ description: 'what was repaired without being asked, newest first' }) })
  .meta({ id: 'Health' });

const REPAIRS_TOLD = 10;

export function getHealth(deps: ApiDeps): Operation {
  return operation({
    summary: 'How every part of Signalbox is',
    description: '`ok` is false when a part is not well or a finding is open. The answer is 200 either way.',
    tag: 'health',
    answers: { 200: { description: 'as it is now', schema: Health } },
    async handle() {
      const { db } = deps;
      const startedMs = performance.now();
      await pingDatabase(db);
      const databaseMs = performance.now() - startedMs;
      const [temporalAnswers, pulse, backlog, balancers, turns, running, findings, ownRepairs] = await Promise.all([
        deps.temporalReachable(), pulseAgeMs(db), outboxBacklog(db), balancerLooks(db), lastTurns(db), runningReleases(db), listFindings(db), listOwnRepairs(db, { limit: REPAIRS_TOLD }),
      ]);
      const parts = healthOf({ databaseMs, temporalAnswers, pulseAgeMs: pulse, backlog, balancers, turns, running: running.length });
      return { status: 200, body: { ok: findings.length === 0 && parts.every(({ ok }) => ok), parts, findings: findings.length, ownRepairs } };
    },
  });
}
