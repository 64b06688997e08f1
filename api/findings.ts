/** GET /v1/findings: differences between the log and what was observed, each with the command that repairs it. */
import { z } from 'zod';
import { listFindings } from '../db/findings.ts';
import { operation } from './route.ts';
import type { ApiDeps } from './deps.ts';
import type { Operation } from './route.ts';

const Finding = z.strictObject({ id: z.string(), kind: z.string(), subject: z.string(), sentence: z.string(), repair: z.string(), openedAt: z.string() }).meta({ id: 'Finding' });

export function getFindings(deps: ApiDeps): Operation {
  return operation({
    summary: 'Open findings, oldest first',
    tag: 'findings',
    answers: { 200: { description: 'all open findings', schema: z.strictObject({ items: z.array(Finding) }).meta({ id: 'FindingList' }) } },
    async handle() {
      return { status: 200, body: { items: await listFindings(deps.db) } };
    },
  });
}
