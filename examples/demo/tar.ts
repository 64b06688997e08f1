/** The smallest writer of ustar archives: plain files, no times, so that the same content always gives the same bytes. */

export interface TarFile {
  /** relative path, at most 100 bytes */
  readonly name: string;
  readonly content: Buffer;
  /** permission bits */
  readonly mode: number;
}

const BLOCK = 512;

export function tar(files: readonly TarFile[]): Buffer {
  const parts = files.flatMap((file) => [header(file), file.content, Buffer.alloc((BLOCK - (file.content.length % BLOCK)) % BLOCK)]);
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function header(file: TarFile): Buffer {
  if (Buffer.byteLength(file.name) > 100) throw new Error(`${file.name} is too long a name for a tar archive`);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number): void => void block.write(value.toString(8).padStart(length - 1, '0'), at);
  block.write(file.name, 0);
  octal(file.mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(file.content.length, 124, 12);
  octal(0, 136, 12);
  block.write('        ', 148);
  block.write('0', 156);
  block.write('ustar\u000000', 257);
  block.write(`${block.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
