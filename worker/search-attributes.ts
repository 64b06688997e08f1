/** What Temporal's lists can be filtered by must be known to the namespace before the first release runs: an unknown one stops it for good. */
import type { Connection } from '@temporalio/client';

/** Numbers of `temporal.api.enums.v1.IndexedValueType`. */
const KEYWORD = 2;
const BOOL = 5;
const KEYWORD_LIST = 7;

const ATTRIBUTES: Readonly<Record<string, number>> = {
  Pool: KEYWORD,
  Applications: KEYWORD_LIST,
  Environment: KEYWORD,
  Phase: KEYWORD,
  Train: KEYWORD,
  RequestedBy: KEYWORD,
  Paused: BOOL,
};

/** Adds what is missing; those already there stay. */
export async function registerSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  await connection.ensureConnected();
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.entries(ATTRIBUTES).filter(([name]) => !(name in customAttributes));
  if (missing.length === 0) return;
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: Object.fromEntries(missing) });
}
