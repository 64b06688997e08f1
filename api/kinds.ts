/** The four kinds of inventory that people write: the word in documents, the word in the store, the path, the schema. */
import { z } from 'zod';
import type { InventoryDocument, InventorySpecs } from '../db/inventory-kinds.ts';
import { Application } from './schemas/application.ts';
import { Hold } from './schemas/block.ts';
import { Host } from './schemas/host.ts';
import { Pool } from './schemas/pool.ts';
import { Strategy } from './schemas/strategy.ts';
import { Name } from './schemas/text.ts';
import { oneStory } from './schemas/whole-strategy.ts';

export type StoredKind = 'application' | 'host' | 'pool' | 'strategy';
export type StoredSpec = InventorySpecs[StoredKind];

/** `spec` parses a whole document without its kind; `body` is the same as sent to its path, where kind and name may be left out. */
export interface InventoryKind {
  readonly word: 'Application' | 'Host' | 'Pool' | 'Strategy';
  readonly stored: StoredKind;
  readonly collection: string;
  readonly spec: z.ZodType<StoredSpec>;
  readonly body: z.ZodType;
  readonly document: z.ZodObject<{ kind: z.ZodLiteral<string> }>;
  /** one object as GET answers it: of an application with the holds that stand */
  readonly read: z.ZodType;
}

type Rules = (value: unknown, context: z.RefinementCtx) => void;

const noRules: Rules = () => undefined;

/** `rules` speak of several members at once; a shape alone does not carry them into body and document. They run also where members are wrong. */
function inventoryKind<S extends z.ZodRawShape, W extends InventoryKind['word']>(word: W, collection: string, spec: z.ZodObject<S, z.core.$strict> & z.ZodType<StoredSpec>, rules = noRules): InventoryKind {
  const kind = z.literal(word);
  return {
    word,
    stored: word.toLowerCase() as StoredKind,
    collection,
    spec,
    body: z.strictObject({ ...spec.shape, kind: kind.optional(), name: Name.optional() }).superRefine(rules, { when: () => true }).meta({ id: `${word}Body` }),
    document: z.strictObject({ kind, ...spec.shape }).superRefine(rules, { when: () => true }).meta({ id: `${word}Document` }) as unknown as InventoryKind['document'],
    read: word === 'Application' ? z.strictObject({ kind, ...spec.shape, holds: z.array(Hold).optional() }).meta({ id: `${word}Read` }) : z.strictObject({ kind, ...spec.shape }).meta({ id: `${word}Read` }),
  };
}

export const APPLICATION = inventoryKind('Application', 'applications', Application);
export const HOST = inventoryKind('Host', 'hosts', Host);
export const POOL = inventoryKind('Pool', 'pools', Pool);
export const STRATEGY = inventoryKind('Strategy', 'strategies', Strategy, oneStory);
export const INVENTORY_KINDS: readonly InventoryKind[] = [APPLICATION, HOST, POOL, STRATEGY];

/** Any document of an apply, told apart by its kind. */
export const AnyDocument = z.discriminatedUnion('kind', [APPLICATION.document, HOST.document, POOL.document, STRATEGY.document], {
  error: `must be one of ${INVENTORY_KINDS.map(({ word }) => word).join(', ')}; packages go to POST /v1/packages`,
});

export function kindOf(word: string): InventoryKind {
  const found = INVENTORY_KINDS.find((kind) => kind.word === word);
  if (found === undefined) throw new Error(`There is no inventory kind ${word}`);
  return found;
}

/** What is stored of a parsed document. */
export function storedDocument(kind: InventoryKind, spec: StoredSpec): InventoryDocument {
  return { kind: kind.stored, name: spec.name, spec } as InventoryDocument;
}
