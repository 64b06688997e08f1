/** How POST /v1/plans answers: the plan, what it would be like to run it, and what is different from the last time. */
import { z } from 'zod';
import { batchValues } from './release.ts';

const Seconds = z.number().min(0);
const Count = z.int().min(0);
const Names = z.array(z.string());
const FieldChange = z.strictObject({ pointer: z.string(), from: z.unknown().optional(), to: z.unknown().optional() });

/** `startSeconds` and `endSeconds` count from the start of the release and leave out waits of unknown length. */
const Moment = z
  .strictObject({
    what: z.enum(['acquire', 'observe', 'plan', 'stage', 'roll', 'restore', 'audit', 'wait']),
    startSeconds: Seconds,
    endSeconds: Seconds,
    inService: z.strictObject({ start: Count, lowest: Count, end: Count }),
    batch: z.strictObject({ index: Count, part: z.enum(['install', 'join', 'whole', 'back']), hosts: Names, lanes: Count, waitingAtFloor: Names }).nullable(),
    wait: z.strictObject({ for: z.string(), seconds: Seconds.nullable(), who: z.string().nullable() }).nullable(),
  })
  .meta({ id: 'PlanMoment' });

/** `basis`: the past releases and targets whose durations were drawn from, or `default` before there were any. */
const Simulation = z
  .strictObject({
    p50Seconds: Seconds,
    p90Seconds: Seconds,
    basis: z.union([z.literal('default'), z.strictObject({ releases: Count, targets: Count })]),
    endsAs: z.string().nullable(),
    inService: z.strictObject({ lowest: Count, floor: Count, moment: z.int() }),
    timeline: z.array(Moment),
  })
  .meta({ id: 'PlanSimulation' });

const Different = z
  .strictObject({
    release: z.string(),
    finishedAt: z.string(),
    versions: z.array(z.strictObject({ application: z.string(), from: z.string().nullable(), to: z.string() })),
    config: z.array(FieldChange),
    strategy: z.array(FieldChange),
    hosts: z.strictObject({ joined: Names, left: Names }),
    outOfService: Names,
    batches: z.strictObject({ from: Count, to: Count }),
    seconds: z.strictObject({ from: Seconds, to: Seconds }),
  })
  .meta({ id: 'PlanDifferent' });

const Member = z
  .strictObject({
    pool: z.string(),
    hosts: Names.meta({ description: 'those of this release that it holds' }),
    hostsTotal: Count,
    inService: Count,
    floor: Count,
    cap: Count.optional().meta({ description: 'the most it loses to one batch; absent: it merely shares hosts' }),
  })
  .meta({ id: 'PlanMember' });

export const PlanAnswer = z
  .strictObject({
    id: z.string(),
    expiresAt: z.string(),
    plan: z.looseObject({
      batches: z.array(z.looseObject({ index: z.int(), kind: z.string(), hosts: Names, ...batchValues(), members: z.array(z.strictObject({ pool: z.string(), hosts: Count })).optional().meta({ description: 'hosts that each pool of `members` loses to the batch' }) })),
      members: z.array(Member).optional().meta({ description: 'other pools whose floor counts: those that are joined, and those that share hosts; absent: none' }),
      batchCap: z.strictObject({ percent: z.int(), hosts: z.int() }).meta({ description: 'no batch holds more hosts and no window has more lanes' }),
      warnings: z.array(z.string()),
    }),
    assumes: z.string(),
    plannedWaitSeconds: z.number(),
    simulation: Simulation,
    different: Different.nullable(),
    wayBack: z
      .array(z.looseObject({ host: z.string(), applications: z.array(z.looseObject({ application: z.string() })), feasible: z.boolean() }))
      .meta({ description: 'where a rollback would lead each host, as far as it is known without looking at them' }),
  })
  .meta({ id: 'PlanAnswer' });
