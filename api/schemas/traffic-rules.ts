/** Answer of GET /v1/pools/{name}/traffic-rules. */
import { z } from 'zod';
import { Name } from './text.ts';

const Check = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('http'), method: z.string(), path: z.string(), status: z.array(z.int()) }),
  z.strictObject({ kind: z.literal('tcp') }),
]);

export const TrafficRulesAnswer = z
  .strictObject({
    pool: Name,
    application: Name.meta({ description: 'whose health check says where the servers listen' }),
    driver: z.string(),
    check: Check.meta({ description: 'what the balancer asks each server' }),
    servers: z.array(z.strictObject({ host: Name, name: z.string(), address: z.string(), port: z.int() })),
    text: z.string().meta({ description: 'the section of the balancer\'s configuration file' }),
  })
  .meta({ id: 'TrafficRules' });
