/** The package store port: is the package there, and by which address does a host fetch it. Hosts fetch; the worker only looks. */
import type { PackageSpec } from '../../domain/inventory.ts';

export interface PackageStore {
  readonly driver: string;
  /** URI schemes it serves, without colon */
  readonly schemes: readonly string[];
  /**
   * Looks at the package without downloading it. Throws StoreDown when the store cannot be asked, PackageMissing when it answers
   * that there is no such file, PackageSizeWrong when the size differs from the registered one.
   */
  inspect(spec: PackageSpec, signal: AbortSignal): Promise<{ readonly sizeBytes: number | null }>;
}

/** Our dependency is away: hold, never roll back. */
export class StoreDown extends Error {
  override readonly name = 'StoreDown';
}

export class PackageMissing extends Error {
  override readonly name = 'PackageMissing';
}

export class PackageSizeWrong extends Error {
  override readonly name = 'PackageSizeWrong';
}
