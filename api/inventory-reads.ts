/** Reading whole kinds of inventory, page by page. */
import { listInventory } from '../db/inventory.ts';
import type { InventoryKind } from '../db/inventory-kinds.ts';
import type { ApiDeps } from './deps.ts';

const PAGE = 200;

/** Every stored object of a kind, in the order of their names. */
export async function everyObject<T>(db: ApiDeps['db'], kind: InventoryKind): Promise<T[]> {
  const all: T[] = [];
  for (let after: string | undefined; ; ) {
    const page = await listInventory(db, kind, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    all.push(...page.map(({ spec }) => spec as T));
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return all;
    after = last.name;
  }
}
