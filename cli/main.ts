/** The process: hands the real surroundings to the program and leaves with its exit code. */
import { runProgram } from './program.ts';
import type { Surroundings } from './surroundings.ts';

const surroundings: Surroundings = {
  env: process.env,
  cwd: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  onInterrupt,
};

// `signalbox get … | head` closes our output early: that is no failure worth a stack trace.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const exitCode = await runProgram(process.argv.slice(2), surroundings);
process.exitCode = exitCode;
// Keep-alive connections would hold the process for seconds; what was written is flushed first.
process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));

function onInterrupt(handler: (signal: 'SIGINT' | 'SIGTERM') => void): () => void {
  const onInt = (): void => handler('SIGINT');
  const onTerm = (): void => handler('SIGTERM');
  process.on('SIGINT', onInt);
  process.on('SIGTERM', onTerm);
  return () => {
    process.off('SIGINT', onInt);
    process.off('SIGTERM', onTerm);
  };
}
