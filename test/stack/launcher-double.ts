/** Process: a launcher that opens a guard, starts a child and an application in the folder named first, says their numbers, and waits to be killed. */
import { spawn } from 'node:child_process';
import { openGuard } from '../../stack/guard.ts';

const folder = process.argv[2] ?? '';
const guard = openGuard();
const ending = { signal: 'SIGTERM', timeoutMs: 2_000 } as const;
const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
const application = spawn('sleep', ['600'], { detached: true, stdio: 'ignore', cwd: folder });
if (child.pid !== undefined) guard.watch(child.pid, ending);
guard.watchFolder(folder, ending);
console.log(JSON.stringify({ child: child.pid, application: application.pid, guard: guard.pid }));
setInterval(() => {}, 60_000);
