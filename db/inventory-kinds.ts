/** What an inventory object may be, and which others it names. */
import { builtIn } from '../domain/recipe/built-in.ts';
import type { RecipeSpec } from '../domain/recipe/composition.ts';
import type { ApplicationSpec, HostSpec, PackageSpec, PoolSpec, StrategySpec } from '../domain/inventory.ts';

export interface InventorySpecs {
  application: ApplicationSpec;
  host: HostSpec;
  pool: PoolSpec;
  strategy: StrategySpec;
  recipe: RecipeSpec;
  package: PackageSpec;
}

export type InventoryKind = keyof InventorySpecs;

export type InventoryDocument = { readonly [K in InventoryKind]: { readonly kind: K; readonly name: string; readonly spec: InventorySpecs[K] } }[InventoryKind];

export interface ObjectName {
  readonly kind: InventoryKind;
  readonly name: string;
}

/** The objects that must exist for this one to mean anything. */
export function referencesOf(document: InventoryDocument): readonly ObjectName[] {
  switch (document.kind) {
    case 'pool':
      return [
        ...document.spec.applications.map((name) => ({ kind: 'application' as const, name })),
        ...document.spec.hosts.map((name) => ({ kind: 'host' as const, name })),
        { kind: 'strategy', name: document.spec.strategy },
        ...(document.spec.joins ?? []).filter((name) => name !== document.name).map((name) => ({ kind: 'pool' as const, name })),
      ];
    case 'package':
      return [{ kind: 'application', name: document.spec.application }];
    case 'application':
      return recipeNamed(document.spec.recipe);
    case 'recipe':
      return document.spec.extends === null ? [] : recipeNamed(document.spec.extends);
    case 'host':
    case 'strategy':
      return [];
    default:
      return unknownKind(document);
  }
}

/** Those that come along are never missing. */
function recipeNamed(name: string): readonly ObjectName[] {
  return builtIn(name) === undefined ? [{ kind: 'recipe', name }] : [];
}

function unknownKind(document: never): never {
  throw new Error(`There is no inventory kind like ${JSON.stringify(document)}`);
}
