/** POST /v1/apply: many documents, in any order, checked and stored together or not at all. */
import { z } from 'zod';
import { applyInventory } from '../db/inventory.ts';
import { AnyDocument, kindOf, storedDocument } from './kinds.ts';
import { pointerTo } from './json-scan.ts';
import { invalid } from './problem.ts';
import { referenceComplaints } from './references.ts';
import { callerOf } from './route.ts';
import { differences } from '../domain/difference.ts';
import type { InventoryDocument } from '../db/inventory-kinds.ts';
import type { ApiDeps } from './deps.ts';
import type { Complaint } from './problem.ts';
import type { Placed } from './references.ts';
import type { Operation } from './route.ts';

const DOCUMENTS_MAX = 1000;
export const ApplyRequest = z.strictObject({ documents: z.array(AnyDocument).min(1, 'must hold at least one document').max(DOCUMENTS_MAX) }).meta({ id: 'ApplyRequest' });
const FieldChange = z.strictObject({ pointer: z.string(), from: z.unknown().optional(), to: z.unknown().optional() });
const AppliedDocument = z.strictObject({ kind: z.string(), name: z.string(), action: z.enum(['created', 'updated', 'unchanged']), version: z.int(), changes: z.array(FieldChange) });
const ApplyAnswer = z.strictObject({ dryRun: z.boolean(), documents: z.array(AppliedDocument) }).meta({ id: 'ApplyAnswer' });
const Flag = z.enum(['true', 'false']).default('false').meta({ description: '`true` tells what would change and stores nothing' });

export function applyDocuments(deps: ApiDeps): Operation {
  const query = z.strictObject({ dryRun: Flag });
  return {
    summary: 'Create or change several objects in one transaction',
    description: 'JSON `{documents: [...]}` or YAML documents. Each is a whole object with its kind. The answer is the difference, also with dryRun.',
    tag: 'inventory',
    query,
    body: { kind: 'documents', schema: ApplyRequest },
    answers: { 200: { description: 'the difference, document by document', schema: ApplyAnswer } },
    problems: [409],
    async handle(call) {
      const dryRun = (call.query as z.output<typeof query>).dryRun === 'true';
      const placed = placedDocuments((call.body as z.output<typeof ApplyRequest>).documents);
      const complaints = [...repeated(placed), ...(await referenceComplaints(deps.db, placed))];
      if (complaints.length > 0) throw invalid(complaints);
      const applied = await applyInventory(deps.db, { documents: placed.map(({ document }) => document), actor: callerOf(call).actor, dryRun });
      const documents = applied.map(({ kind, name, change, version, before, after }) => ({ kind, name, action: change, version, changes: change === 'unchanged' ? [] : differences(before ?? {}, after) }));
      return { status: 200, body: { dryRun, documents } };
    },
  };
}

function placedDocuments(documents: readonly unknown[]): Placed[] {
  return documents.map((parsed, index) => {
    const { kind, ...rest } = parsed as { kind: string };
    const found = kindOf(kind);
    return { base: pointerTo('/documents', index), document: storedDocument(found, found.spec.parse(rest)), given: rest };
  });
}

/** Two documents for one object would leave the order to decide, and order has no meaning here. */
function repeated(placed: readonly Placed[]): Complaint[] {
  const seen = new Map<string, string>();
  return placed.flatMap(({ base, document }): Complaint[] => {
    const key = keyOf(document);
    const first = seen.get(key);
    seen.set(key, first ?? base);
    return first === undefined ? [] : [{ in: 'body', pointer: `${base}/name`, message: `${key} stands in ${first} already` }];
  });
}

function keyOf(document: InventoryDocument): string {
  return `${document.kind} ${document.name}`;
}
