/** Commands that came too late. */
import { z } from 'zod';
import { STEPS } from '../../domain/vocabulary.ts';

export const Refusal = z
  .strictObject({
    at: z.string().meta({ description: 'when it was refused' }),
    host: z.string(),
    epoch: z.int().meta({ description: 'the epoch it acted under, which is void' }),
    direction: z.enum(['forward', 'back']),
    round: z.int(),
    step: z.enum([...STEPS, 'fence', 'stage']),
    sentence: z.string().meta({ description: 'who refused it, and why' }),
  })
  .meta({ id: 'LateCommand' });
