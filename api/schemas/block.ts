/** Quarantine and hold: what is sent to put and lift them, and how they read. */
import { z } from 'zod';
import { Name, PackageId, Reason } from './text.ts';

export const BlockRequest = z.strictObject({ reason: Reason }).meta({ id: 'BlockRequest', example: { reason: 'leaks connections' } });

/** `pool` null: in every pool. */
export const LiftRequest = z.strictObject({ reason: Reason, pool: Name.nullable().default(null) }).meta({ id: 'LiftRequest', example: { reason: 'fixed in 1.4.1' } });

const Lifted = z.strictObject({ reason: z.string(), by: z.string(), at: z.string() });
const block = { reason: z.string(), release: z.string().nullable(), by: z.string(), since: z.string(), lifted: Lifted.nullable() };

/** `lifted` null: it stands. */
export const Quarantine = z.strictObject(block).meta({ id: 'Quarantine' });
export const Hold = z.strictObject({ pool: Name, ...block }).meta({ id: 'Hold' });
export const BlockAnswer = z.strictObject({ package: PackageId, ...block }).meta({ id: 'PackageQuarantine' });
export const HoldLifted = z.strictObject({ application: Name, holds: z.array(Hold) }).meta({ id: 'HoldsLifted' });
