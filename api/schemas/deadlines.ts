/** The `deadlines` of a strategy. Which may not be shorter than which stands in domain/plan/contradictions.ts. */
import { z } from 'zod';
import { whole } from './text.ts';

export const deadlinesShape = {
  stepSeconds: whole(1, 86_400).default(120),
  targetSeconds: whole(1, 86_400).default(300),
  progressSeconds: whole(1, 86_400).default(600),
  releaseSeconds: whole(1, 60 * 86_400).default(14_400),
  rollbackSeconds: whole(1, 7 * 86_400).default(3600),
};

export const Deadlines = z.strictObject(deadlinesShape);
