/** The process that called us through bootstrap.mjs, and how we learn of its death: the other end of a pipe closes. */
import { Socket } from 'node:net';

/** Calls back once when the caller is gone; never when we were started without bootstrap.mjs. Does not keep the process alive. */
export function onParentDeath(callback: () => void): void {
  const fd = Number(process.env['BOOTSTRAP_PIPE_FD'] ?? '');
  // Only this process has the pipe: what it starts in turn must not take another file of the same number for it.
  delete process.env['BOOTSTRAP_PIPE_FD'];
  if (!Number.isInteger(fd) || fd < 3) return;
  const parent = new Socket({ fd, readable: true, writable: false });
  parent.on('error', () => parent.destroy());
  parent.once('close', callback);
  parent.resume();
  parent.unref();
}
