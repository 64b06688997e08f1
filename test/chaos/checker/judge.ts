/** One rule of the checker, and what all of them together make of a run. */
import type { ChaosRecord } from './record.ts';

export interface Breach {
  readonly rule: RuleId;
  readonly what: string;
  readonly atMs: number | null;
}

export type RuleId = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'I9' | 'I10';

export interface Rule {
  readonly id: RuleId;
  readonly promise: string;
  /** Every breach as one sentence. */
  readonly judge: (record: ChaosRecord) => readonly Found[];
}

export interface Found {
  readonly what: string;
  readonly atMs?: number;
}

/** A rule that cannot be judged is broken: silence must never pass for a promise kept. */
export function judge(rules: readonly Rule[], record: ChaosRecord): readonly Breach[] {
  return rules.flatMap((rule) => {
    try {
      return rule.judge(record).map(({ what, atMs }) => ({ rule: rule.id, what, atMs: atMs ?? null }));
    } catch (error) {
      return [{ rule: rule.id, what: `could not be judged: ${(error as Error).message}`, atMs: null }];
    }
  });
}
