/**
 * Calls to a site and their answers as Temporal sees them: closed. They hold the environment of applications, and Temporal keeps them.
 * AES-256-GCM with a key that both sides have; what a text is about is authenticated with it, so no call can be passed off as another.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** The first key closes; each of them opens, so that keys can be exchanged one side after the other. */
export interface SiteKeys {
  readonly closing: SiteKey;
  readonly byId: ReadonlyMap<string, SiteKey>;
}

interface SiteKey {
  /** first bytes of its digest: names it without telling anything of it */
  readonly id: string;
  readonly secret: Buffer;
}

/** What arrived cannot be opened: another key, or not what was sent. The message says nothing of its content. */
export class NotOpened extends Error {
  override readonly name = 'NotOpened';
}

const ALGORITHM = 'aes-256-gcm';
const FORMAT = 1;
const ID_BYTES = 4;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + ID_BYTES + NONCE_BYTES + TAG_BYTES;

/** @param secrets each 32 bytes in base64; at least one. Throws RangeError otherwise. */
export function siteKeys(secrets: readonly string[]): SiteKeys {
  const keys = secrets.map(keyOf);
  const [closing] = keys;
  if (closing === undefined) throw new RangeError('A site needs a key');
  return { closing, byId: new Map(keys.map((key) => [key.id, key])) };
}

function keyOf(text: string): SiteKey {
  const secret = Buffer.from(text, 'base64');
  if (secret.length !== 32) throw new RangeError('A key of sites must be 32 bytes in base64');
  return { id: createHash('sha256').update(secret).digest('hex').slice(0, ID_BYTES * 2), secret };
}

/** `about` names the call and the direction; the same must be said to open it. */
export function seal({ closing }: SiteKeys, about: string, value: unknown): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, closing.secret, nonce).setAAD(Buffer.from(about));
  const body = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()]);
  return Buffer.concat([Buffer.from([FORMAT]), Buffer.from(closing.id, 'hex'), nonce, cipher.getAuthTag(), body]);
}

/** The value as it was sealed. Throws NotOpened. */
export function unseal({ byId }: SiteKeys, about: string, sealed: unknown): unknown {
  if (!(sealed instanceof Uint8Array) || sealed.length < HEAD_BYTES || sealed[0] !== FORMAT) throw new NotOpened('it is not of a form that this build knows');
  const bytes = Buffer.from(sealed);
  const id = bytes.toString('hex', 1, 1 + ID_BYTES);
  const key = byId.get(id);
  if (key === undefined) throw new NotOpened(`it was closed with key ${id}, and here are only ${[...byId.keys()].join(', ')}`);
  const nonce = bytes.subarray(1 + ID_BYTES, 1 + ID_BYTES + NONCE_BYTES);
  try {
    const decipher = createDecipheriv(ALGORITHM, key.secret, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(about)).setAuthTag(bytes.subarray(HEAD_BYTES - TAG_BYTES, HEAD_BYTES));
    return JSON.parse(Buffer.concat([decipher.update(bytes.subarray(HEAD_BYTES)), decipher.final()]).toString('utf8'));
  } catch {
    throw new NotOpened('it is not what was sent, or was sent for another call');
  }
}
