/** Writes archives byte by byte, so that evil ones can be made that no tool would write. */
import { crc32, gzipSync } from 'node:zlib';

export interface TarEntry {
  readonly name: string;
  /** '0' file, '1' hard link, '2' symbolic link, '3' and '4' devices, '5' folder, '6' pipe */
  readonly type?: string;
  readonly mode?: number;
  readonly data?: string | Uint8Array;
  readonly link?: string;
  readonly owner?: string;
}

const BLOCK = 512;

export function tar(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    const data = Buffer.from(entry.data ?? '');
    return [header(entry, data.length), data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

export const gzipTar = (entries: readonly TarEntry[]): Buffer => gzipSync(tar(entries));

function header(entry: TarEntry, sizeBytes: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
  block.write(entry.name, 0, 100, 'utf8');
  block.write(octal(entry.mode ?? 0o644, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(sizeBytes, 11), 124);
  block.write(octal(1_700_000_000, 11), 136);
  block.write(' '.repeat(8), 148);
  block.write(entry.type ?? '0', 156);
  block.write(entry.link ?? '', 157, 100, 'utf8');
  block.write('ustar\x0000', 257, 'latin1');
  block.write(entry.owner ?? 'root', 265, 32, 'utf8');
  block.write('root', 297);
  block.write(octal(1, 7), 329);
  block.write(octal(3, 7), 337);
  block.write(`${block.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

export interface ZipEntry {
  readonly name: string;
  readonly data?: string | Uint8Array;
  /** unix mode with its file type; a symbolic link is 0o120777 */
  readonly mode?: number;
}

/** A zip of stored (uncompressed) entries, made on unix. */
export function zip(entries: readonly ZipEntry[]): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const name = Buffer.from(entry.name);
    const data = Buffer.from(entry.data ?? '');
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(0x58000000 >>> 0, 6);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(name.length, 22);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((((entry.mode ?? 0o100644) << 16) >>> 0) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x03', 'latin1'), common, tail, name);
    bodies.push(Buffer.from('PK\x03\x04', 'latin1'), common, name, data);
    offset += 4 + 26 + name.length + data.length;
  }
  const index = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(index.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...bodies, index, end]);
}
