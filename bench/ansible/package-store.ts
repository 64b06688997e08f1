/** Where both sides fetch from: a plain file server in the bench's own process, so that serving is charged to neither. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildPackage } from '../../examples/demo/packages.ts';

export interface PublishedPackage {
  readonly version: string;
  readonly uri: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface PackageStore {
  /** every address begins with it */
  readonly prefix: string;
  readonly publish: (version: string) => PublishedPackage;
  readonly close: () => Promise<void>;
}

export async function openPackageStore(): Promise<PackageStore> {
  const files = new Map<string, Buffer>();
  const server = createServer((request, response) => {
    const content = files.get(request.url ?? '');
    if (content === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'application/gzip', 'content-length': content.length });
    response.end(request.method === 'HEAD' ? undefined : content);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const prefix = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    prefix,
    publish: (version) => {
      const { content, sha256 } = buildPackage(version);
      const name = `web-${version}.tar.gz`;
      files.set(`/${name}`, content);
      return { version, uri: `${prefix}${name}`, sha256, sizeBytes: content.length };
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
