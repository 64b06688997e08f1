/** What came too late for a release and was refused, page by page. */
import type { Client } from './client.ts';

/** GET /v1/releases/{id}/refusals, one item. */
export interface Refusal {
  readonly at: string;
  readonly host: string;
  readonly epoch: number;
  readonly direction: 'forward' | 'back';
  readonly round: number;
  readonly step: string;
  readonly sentence: string;
}

interface RefusalPage {
  readonly items: readonly Refusal[];
  readonly next: string | null;
}

const PAGE = 200;

/** All of them, oldest first. */
export async function readRefusals(client: Client, id: string): Promise<readonly Refusal[]> {
  const all: Refusal[] = [];
  for (let cursor = ''; ; ) {
    const page = await client.get<RefusalPage>(`/v1/releases/${encodeURIComponent(id)}/refusals?limit=${PAGE}${cursor}`);
    all.push(...page.items);
    if (page.next === null) return all;
    cursor = `&cursor=${encodeURIComponent(page.next)}`;
  }
}
