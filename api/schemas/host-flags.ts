/** Flags of hosts: what is asked of them and how a host stands. */
import { z } from 'zod';
import { FLAG_OWNERS, SETTABLE_OWNERS } from '../../domain/flags.ts';
import { Name, Reason } from './text.ts';

const scope = { reason: Reason, pool: Name.nullable().default(null).meta({ description: 'only in this pool; left out or null: in every pool of the host' }) };

export const DrainRequest = z
  .strictObject({ ...scope, force: z.boolean().default(false).meta({ description: 'also when fewer hosts than the capacity floor are left' }) })
  .meta({ id: 'DrainRequest', example: { reason: 'new disk' } });

export const AdmitRequest = z.strictObject(scope).meta({ id: 'AdmitRequest', example: { reason: 'the disk is new' } });

export const FlagRequest = z.strictObject({ ...scope, up: z.boolean() }).meta({ id: 'FlagRequest', example: { up: false, reason: 'three probes failed' } });

export const FlagOwnerName = z.enum(SETTABLE_OWNERS.filter((owner) => owner !== 'operator')).meta({ description: 'whose flag; the operator\'s goes by drain and admit, the release\'s by releases' });

const Flag = z.strictObject({ owner: z.enum(FLAG_OWNERS), pool: z.string().nullable(), up: z.boolean(), by: z.string().nullable(), since: z.string().nullable(), reason: z.string().nullable() });

const Observed = z.looseObject({ admin: z.string(), operational: z.string(), weight: z.int().nullable(), connections: z.int(), inService: z.boolean() });

const Pool = z.strictObject({
  pool: z.string(),
  server: z.string().nullable(),
  serves: z.boolean(),
  keptOutBy: z.array(z.enum(FLAG_OWNERS)),
  takenOut: z.boolean(),
  observed: Observed.nullable(),
  observedAt: z.string().nullable(),
  sentence: z.string(),
});

export const HostStanding = z.strictObject({ host: z.string(), serves: z.boolean(), flags: z.array(Flag), pools: z.array(Pool) }).meta({ id: 'HostStanding' });

/** `done` false: not carried out, or not read back, within the time that was given. */
export const FlagAnswer = z.strictObject({ done: z.boolean(), sentence: z.string(), ...HostStanding.shape }).meta({ id: 'FlagAnswer' });
