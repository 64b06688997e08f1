/** What an inventory object may be, and which others it names. */
import type { ApplicationSpec, HostSpec, PackageSpec, PoolSpec, StrategySpec } from '../domain/inventory.ts';

export interface InventorySpecs {
  application: ApplicationSpec;
  host: HostSpec;
  pool: PoolSpec;
  strategy: StrategySpec;
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
    case 'host':
    case 'strategy':
      return [];
    default:
      return unknownKind(document);
  }
}

function unknownKind(document: never): never {
  throw new Error(`There is no inventory kind like ${JSON.stringify(document)}`);
}
