/** A wire between the driver and the balancer that can lose, hold and cut; it also remembers every command that was sent. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** `lose-answer`: writes arrive, their answers do not. `lose-write`: writes never arrive. `hang`: nothing is ever answered. */
export type LineFault = 'none' | 'lose-answer' | 'lose-write' | 'hang';

export interface FaultyLine {
  readonly address: string;
  /** the lines that the driver sent, as written */
  readonly sent: readonly string[];
  fault: LineFault;
  /** cuts what is connected now, as a balancer's idle timeout does */
  cut(): void;
  stop(): Promise<void>;
}

export async function startFaultyLine(target: string): Promise<FaultyLine> {
  const [host = '', port = ''] = target.split(':');
  const sent: string[] = [];
  const open = new Set<Socket>();
  const server = createServer((near) => {
    open.add(near);
    near.on('error', () => undefined).once('close', () => open.delete(near));
    near.setEncoding('utf8').once('data', (line: string) => {
      sent.push(line.trim());
      const writing = line.startsWith('set ');
      if (state.fault === 'hang') return;
      if (writing && state.fault === 'lose-write') return void near.destroy();
      const far = connect({ host, port: Number(port) }, () => far.write(line));
      far.on('error', () => near.destroy()).once('close', () => near.end());
      far.on('data', (answer: Buffer) => (writing && state.fault === 'lose-answer' ? near.destroy() : near.write(answer)));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const state: FaultyLine = {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent,
    fault: 'none',
    cut() {
      for (const socket of open) socket.destroy();
    },
    async stop() {
      state.cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return state;
}
