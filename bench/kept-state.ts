/** What the no-op drivers remember: in the process that runs them, or in files that the next process finds again. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface KeptState<T> {
  readonly get: (name: string) => T | undefined;
  readonly set: (name: string, value: T) => void;
}

/** `folder` null: in this process alone. */
export function keptState<T>(folder: string | null, kind: string): KeptState<T> {
  if (folder === null) return new Map<string, T>();
  const place = join(folder, kind);
  mkdirSync(place, { recursive: true });
  return {
    get: (name) => {
      try {
        return JSON.parse(readFileSync(join(place, name), 'utf8')) as T;
      } catch {
        return undefined;
      }
    },
    set: (name, value) => {
      writeFileSync(join(place, `${name}.next`), JSON.stringify(value));
      renameSync(join(place, `${name}.next`), join(place, name));
    },
  };
}
