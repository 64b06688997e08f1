/** Process: takes one server of nginx out, as a worker does: `node nginx-process.ts SPEC SERVER`. It says `fenced` before it writes, and `done` behind it. */
import { createTraffic } from '../../../drivers/traffic/factory.ts';
import type { NginxSpec } from '../../../domain/traffic-spec.ts';

const [spec = '', server = ''] = process.argv.slice(2);
await createTraffic(JSON.parse(spec) as NginxSpec).drain(server, {
  signal: new AbortController().signal,
  timeoutMs: 5_000,
  fence: (write) => {
    process.stdout.write('fenced\n');
    return write();
  },
});
process.stdout.write('done\n');
