/** A Java of the tests' own, and a jar made with it. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../../stack/command.ts';
import { debianProgram } from '../../../stack/debian.ts';
import { cacheFolder } from '../../../stack/place.ts';

const CLONE = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const BIN = `usr/lib/jvm/java-17-openjdk-${process.arch === 'arm64' ? 'arm64' : 'amd64'}/bin`;

export interface Java {
  readonly program: string;
  /** so that it finds its libraries */
  readonly libraries: string;
  /** a jar whose main class answers /health on the port of its first word, with the version of its manifest; `status` is what it answers */
  readonly jar: (version: string, status?: number) => Promise<Buffer>;
}

export async function findJava(): Promise<Java> {
  const { program, root, env } = await debianProgram({ packages: ['openjdk-17-jdk-headless', 'openjdk-17-jre-headless'], path: `${BIN}/java` }, cacheFolder(CLONE));
  const tool = async (name: string, args: readonly string[]): Promise<void> => {
    const { code, output } = await runCommand(join(root, BIN, name), args, { timeoutMs: 120_000, env: { PATH: '/usr/bin:/bin', ...env } });
    if (code !== 0) throw new Error(`${name} ended with ${code}: ${output}`);
  };
  return {
    program,
    libraries: env['LD_LIBRARY_PATH'] ?? '',
    jar: async (version, status = 200) => {
      const work = mkdtempSync(join(tmpdir(), 'jar-'));
      try {
        mkdirSync(join(work, 'out'));
        writeFileSync(join(work, 'Main.java'), source(version, status));
        await tool('javac', ['-d', join(work, 'out'), join(work, 'Main.java')]);
        await tool('jar', ['--create', '--file', join(work, 'app.jar'), '--main-class', 'Main', '-C', join(work, 'out'), '.']);
        return readFileSync(join(work, 'app.jar'));
      } finally {
        rmSync(work, { recursive: true, force: true });
      }
    },
  };
}

function source(version: string, status: number): string {
  return `import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
public class Main {
  public static void main(String[] words) throws Exception {
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(words[0])), 0);
    server.createContext("/", exchange -> {
      byte[] body = "{\\"version\\":\\"${version}\\"}".getBytes();
      exchange.sendResponseHeaders(${status}, body.length);
      exchange.getResponseBody().write(body);
      exchange.close();
    });
    server.start();
  }
}
`;
}
