/**
 * The two lines that are run on a host by its account's login shell, whichever that is: one fixed script in single quotes for `sh`,
 * followed by plain words. The scripts hold no single quote, backslash, exclamation mark or newline, so every shell passes them on
 * unharmed; the words are a root, a digest and a verb, each from an allow-list.
 */
import { isPlainPath } from '../../../domain/names.ts';
import { SYSTEM_PATH } from '../system-path.ts';
import type { HostVerb } from '../port.ts';

/**
 * What the scripts end with besides the statuses of the host program, which is kept from all of these. 255 is left to ssh: it means
 * that ssh itself failed.
 */
export const REMOTE_STATUS = {
  /** the host program ended with a status that means something else here */
  broke: 94,
  /** what arrived has another digest than what was sent */
  damaged: 95,
  /** the program cannot be written */
  unwritable: 96,
  /** the program of this digest is not there, or its bytes are others */
  absent: 97,
  /** tools are missing; standard error names them after `missing:` */
  tools: 98,
} as const;

/** Programs that stay on a host: the newest by the time they came. Workers of two builds take turns during an upgrade. */
export const PROGRAMS_KEPT = 4;

const INSTALL_TOOLS = ['cat', 'find', 'ls', 'mkdir', 'mv', 'rm', 'sha256sum', 'sync'];

/** The environment is as clean as with the executor `local`: what sshd and the login shell put there is not the application's. */
const CALL = [
  `PATH=${SYSTEM_PATH}; export PATH`,
  'p=$1/program/signalbox-host-$2',
  `[ -f "$p" ] || exit ${REMOTE_STATUS.absent}`,
  `command -v sha256sum >/dev/null 2>&1 || { echo "missing: sha256sum" >&2; exit ${REMOTE_STATUS.tools}; }`,
  's=$(sha256sum <"$p")',
  `[ "\${s%% *}" = "$2" ] || exit ${REMOTE_STATUS.absent}`,
  'env -i PATH="$PATH" HOME="$HOME" LANG=C.UTF-8 sh "$p" "$3"',
  's=$?',
  `case $s in ${Object.values(REMOTE_STATUS).filter((status) => status !== REMOTE_STATUS.broke).join(' | ')} | 255) s=${REMOTE_STATUS.broke} ;; esac`,
  'exit $s',
].join('; ');

/** A running call keeps its program: a shell reads from the file it has opened, whatever becomes of the name. */
const INSTALL = [
  `PATH=${SYSTEM_PATH}; export PATH; umask 022; f=$1/program; m=`,
  `for t in ${INSTALL_TOOLS.join(' ')}; do command -v $t >/dev/null 2>&1 || m="$m $t"; done`,
  `[ -z "$m" ] || { echo "missing:$m" >&2; exit ${REMOTE_STATUS.tools}; }`,
  `mkdir -p "$f" || exit ${REMOTE_STATUS.unwritable}`,
  'read -r u </proc/sys/kernel/random/uuid; t=$f/.upload-$u',
  `trap "rm -f $t" EXIT; trap "exit ${REMOTE_STATUS.unwritable}" HUP INT PIPE TERM`,
  `cat >"$t" || exit ${REMOTE_STATUS.unwritable}`,
  's=$(sha256sum <"$t")',
  `[ "\${s%% *}" = "$2" ] || exit ${REMOTE_STATUS.damaged}`,
  'sync "$t" 2>/dev/null || sync',
  `mv -f "$t" "$f/signalbox-host-$2" || exit ${REMOTE_STATUS.unwritable}`,
  'sync "$f" 2>/dev/null || sync',
  'cd "$f"; n=0',
  `for p in $(ls -t); do case $p in signalbox-host-*) n=$((n + 1)); [ $n -le ${PROGRAMS_KEPT} ] || rm -f "$p" ;; esac; done`,
  'find . -name ".upload-*" -mtime +0 -exec rm -f {} +',
  'exit 0',
].join('; ');

/** Runs one verb of the program with this digest; its input is standard input. Throws TypeError for a word outside its alphabet. */
export function callLine(root: string, digest: string, verb: HostVerb): string {
  return line(CALL, root, digest, verb);
}

/** Puts the program that standard input brings in place. Throws TypeError for a word outside its alphabet. */
export function installLine(root: string, digest: string): string {
  return line(INSTALL, root, digest);
}

function line(script: string, root: string, digest: string, ...verb: readonly string[]): string {
  if (!isPlainPath(root)) throw new TypeError(`${JSON.stringify(root)} cannot stand in a line for a host`);
  if (!/^[0-9a-f]{64}$/.test(digest)) throw new TypeError(`${JSON.stringify(digest)} is not a digest`);
  if (!verb.every((word) => /^[a-z]{1,16}$/.test(word))) throw new TypeError(`${JSON.stringify(verb)} is not a verb`);
  return [`sh -c '${script}' signalbox`, root, digest, ...verb].join(' ');
}
