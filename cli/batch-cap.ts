/** `--batch-cap 50`: the cap per batch raised for one release. */
import { Complaint } from './complaint.ts';
import { EXIT } from './exit-codes.ts';

export const BATCH_CAP_HELP = 'raise the cap per batch from 33 % of the pool to 34–50 %; needs --reason, which is kept with the release';

/** Whole percent; which ones are allowed is said by the server. Throws a Complaint (usage). */
export function parseBatchCap(text: string): number {
  const digits = /^(\d{1,3}) ?%?$/.exec(text)?.[1];
  if (digits === undefined) throw new Complaint(EXIT.usage, `"${text}" is not a percentage. Write for example --batch-cap 50.`);
  return Number(digits);
}
