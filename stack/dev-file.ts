/** temporal-dev.yml as the launcher reads it: the `x-signalbox` block names namespace, ports, search attributes and settings of the server. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export type AttributeType = 'Text' | 'Keyword' | 'Int' | 'Double' | 'Bool' | 'Datetime' | 'KeywordList';

export interface DevFile {
  readonly namespace: string;
  readonly ports: { readonly frontend: number; readonly ui: number };
  readonly searchAttributes: Readonly<Record<string, AttributeType>>;
  /** the server's settings by name, where its defaults do not serve us */
  readonly dynamicConfig: Readonly<Record<string, DynamicValue>>;
}

export type DynamicValue = number | boolean;

const TYPES: ReadonlySet<string> = new Set<AttributeType>(['Text', 'Keyword', 'Int', 'Double', 'Bool', 'Datetime', 'KeywordList']);

/** Reads `<clone>/temporal-dev.yml`. Throws with every complaint at once when the block is not as it should be. */
export function readDevFile(clone: string): DevFile {
  const path = join(clone, 'temporal-dev.yml');
  const document = record(parse(readFileSync(path, 'utf8')));
  const block = record(document['x-signalbox']);
  const ports = record(block['ports']);
  const attributes = record(block['searchAttributes']);
  const settings = record(block['dynamicConfig']);
  const complaints: string[] = [];
  if (typeof block['namespace'] !== 'string') complaints.push('namespace must be a name');
  for (const name of ['frontend', 'ui']) if (!Number.isInteger(ports[name])) complaints.push(`ports.${name} must be a port number`);
  for (const [name, type] of Object.entries(attributes)) {
    if (typeof type !== 'string' || !TYPES.has(type)) complaints.push(`searchAttributes.${name} must be one of ${[...TYPES].join(', ')}`);
  }
  for (const [name, value] of Object.entries(settings)) {
    if (typeof value !== 'number' && typeof value !== 'boolean') complaints.push(`dynamicConfig.${name} must be a number, true or false`);
  }
  if (complaints.length > 0) throw new Error(`x-signalbox in ${path} is wrong:\n  ${complaints.join('\n  ')}`);
  return {
    namespace: block['namespace'] as string,
    ports: { frontend: ports['frontend'] as number, ui: ports['ui'] as number },
    searchAttributes: attributes as Record<string, AttributeType>,
    dynamicConfig: settings as Record<string, DynamicValue>,
  };
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
