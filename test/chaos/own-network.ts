/** Lines in this very process, for machines where toxiproxy cannot be had. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import type { Network, Toxic } from './network.ts';

const LATE_MS = 400;

interface Line {
  readonly server: Server;
  readonly sockets: Set<Socket>;
  toxic: Toxic | null;
  /** bytes that hang, each with what lets them go on */
  readonly held: Set<() => void>;
}

export class OwnNetwork implements Network {
  readonly #lines = new Map<string, Line>();

  async link(name: string, listen: number, upstream: string): Promise<void> {
    const [host = '', port = ''] = upstream.split(':');
    const line: Line = { server: createServer((near) => this.#join(line, near, connect(Number(port), host))), sockets: new Set(), toxic: null, held: new Set() };
    this.#lines.set(name, line);
    line.server.listen(listen, '127.0.0.1');
    await once(line.server, 'listening');
  }

  async spoil(name: string, toxic: Toxic): Promise<void> {
    const line = this.#lines.get(name);
    if (line === undefined) throw new Error(`There is no link ${name}`);
    line.toxic = toxic;
    if (toxic === 'cut') for (const socket of line.sockets) socket.resetAndDestroy();
  }

  async heal(): Promise<void> {
    for (const line of this.#lines.values()) {
      line.toxic = null;
      for (const goOn of line.held) goOn();
      line.held.clear();
    }
  }

  async close(): Promise<void> {
    await this.heal();
    for (const { server, sockets } of this.#lines.values()) {
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  }

  #join(line: Line, near: Socket, far: Socket): void {
    if (line.toxic === 'cut') {
      near.resetAndDestroy();
      far.destroy();
      return;
    }
    for (const [socket, other] of [[near, far], [far, near]] as const) {
      line.sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        line.sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(passing(line)).pipe(other);
    }
  }
}

/** Lets bytes through as the line stands when they come. */
function passing(line: Line): Transform {
  return new Transform({
    transform(chunk, _encoding, done) {
      const goOn = (): void => done(null, chunk);
      if (line.toxic === 'hang') line.held.add(goOn);
      else if (line.toxic === 'slow') setTimeout(goOn, LATE_MS);
      else goOn();
    },
  });
}
