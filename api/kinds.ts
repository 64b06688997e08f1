/** The kinds of inventory that people write: the word in documents, the word in the store, the path, the schema. */
import { z } from 'zod';
import type { InventoryDocument, InventorySpecs } from '../db/inventory-kinds.ts';
import { Application, saysWhatRuns } from './schemas/application.ts';
import { Hold } from './schemas/block.ts';
import { Host } from './schemas/host.ts';
import { Pool, PoolDeclared, PoolRead, joinedOrOwn } from './schemas/pool.ts';
import { Recipe } from './schemas/recipe.ts';
import { Strategy } from './schemas/strategy.ts';
import { Name } from './schemas/text.ts';
import { oneStory } from './schemas/whole-strategy.ts';

export type StoredKind = 'application' | 'host' | 'pool' | 'strategy' | 'recipe';
export type StoredSpec = InventorySpecs[StoredKind];

/** `spec` parses a whole document without its kind; `body` is the same as sent to its path, where kind and name may be left out. */
export interface InventoryKind {
  readonly word: 'Application' | 'Host' | 'Pool' | 'Strategy' | 'Recipe';
  readonly stored: StoredKind;
  readonly collection: string;
  readonly spec: z.ZodType<StoredSpec>;
  readonly body: z.ZodType;
  readonly document: z.ZodObject<{ kind: z.ZodLiteral<string> }>;
  /** one object as GET answers it: of an application with the holds that stand, of a joined pool with what its members give */
  readonly read: z.ZodType;
}

type Rules = (value: unknown, context: z.RefinementCtx) => void;

const noRules: Rules = () => undefined;

interface Forms<S extends z.ZodRawShape> {
  /** as people write it, without its kind */
  readonly declared: z.ZodObject<S, z.core.$strict>;
  /** what is stored of it, where that is more than was written */
  readonly spec: z.ZodType<StoredSpec>;
  /** as it is read; absent: as it is written */
  readonly read?: z.ZodRawShape;
  readonly rules?: Rules;
}

/** `rules` speak of several members at once; a shape alone does not carry them into body and document. They run also where members are wrong. */
function inventoryKind<S extends z.ZodRawShape, W extends InventoryKind['word']>(word: W, collection: string, { declared, spec, read = declared.shape, rules = noRules }: Forms<S>): InventoryKind {
  const kind = z.literal(word);
  return {
    word,
    stored: word.toLowerCase() as StoredKind,
    collection,
    spec,
    body: z.strictObject({ ...declared.shape, kind: kind.optional(), name: Name.optional() }).superRefine(rules, { when: () => true }).meta({ id: `${word}Body` }),
    document: z.strictObject({ kind, ...declared.shape }).superRefine(rules, { when: () => true }).meta({ id: `${word}Document` }) as unknown as InventoryKind['document'],
    read: z.strictObject({ kind, ...read }).meta({ id: `${word}Read` }),
  };
}

export const APPLICATION = inventoryKind('Application', 'applications', { declared: Application, spec: Application, read: { ...Application.shape, holds: z.array(Hold).optional() }, rules: saysWhatRuns });
export const HOST = inventoryKind('Host', 'hosts', { declared: Host, spec: Host });
export const POOL = inventoryKind('Pool', 'pools', { declared: PoolDeclared, spec: Pool, read: PoolRead.shape, rules: joinedOrOwn });
export const STRATEGY = inventoryKind('Strategy', 'strategies', { declared: Strategy, spec: Strategy, rules: oneStory });
export const RECIPE = inventoryKind('Recipe', 'recipes', { declared: Recipe, spec: Recipe });
export const INVENTORY_KINDS: readonly InventoryKind[] = [APPLICATION, HOST, POOL, STRATEGY, RECIPE];

/** Any document of an apply, told apart by its kind. */
export const AnyDocument = z.discriminatedUnion('kind', [APPLICATION.document, HOST.document, POOL.document, STRATEGY.document, RECIPE.document], {
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
