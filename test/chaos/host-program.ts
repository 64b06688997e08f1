/**
 * A copy of the host program that can be struck at its own moments and writes down what took effect. It is made from the program as it
 * stands: each place is found by its text, and a text that is not there exactly once ends the run, so that no point is lost in silence.
 */
import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Broken } from './broken.ts';

const PROGRAM = fileURLToPath(new URL('../../host/signalbox-host', import.meta.url));

interface Change {
  readonly find: string;
  readonly put: string;
}

const before = (find: string, line: string): Change => ({ find, put: `${line}\n${find}` });
const after = (find: string, line: string): Change => ({ find, put: `${find}\n${line}` });

const MOMENTS: readonly Change[] = [
  after('intend() {', '  chaos_write begun "$chaos_verb" ""\n  chaos_point before-intent'),
  after('  if [ -e "$state/epoch" ]; then flush "$journal" "$state/journal" "$state/epoch"; else flush "$journal" "$state/journal"; fi', '  chaos_point after-intent'),
  after('finish() {', '  chaos_staged\n  chaos_point after-effect'),
  // stop
  after('  kill "-${config_signal#SIG}" "$process_pid" 2>/dev/null', '  chaos_write done stop "$process_pid"\n  chaos_point mid-effect'),
  // switch and restore
  before('  mv -f "$next/config" "$next/current" "$home/" || fail_disk "$home/current could not be switched."', '  chaos_point mid-effect'),
  after('  mv -f "$next/config" "$next/current" "$home/" || fail_disk "$home/current could not be switched."', '  chaos_write done switch $$'),
  // start
  after('  rotate_log\n  launch\n  read_process', '  chaos_write done start "$process_pid"\n  chaos_point mid-effect'),
  // staging
  after('    check_disk\n    download', '    chaos_point mid-effect'),
  before('  mv "$work/tree" "$release" || fail_disk "$release could not be put in place."', '  chaos_point mid-effect'),
  before('  mv -f "$state/tmp/$in_application.config" "$home/configs/$digest" || fail_disk "configs/$digest could not be put in place."', '  chaos_point mid-effect'),
  // fence
  before('  [ "$in_epoch" -ge "$max_epoch" ] || refuse_stale\n  [ "$in_epoch" -eq "$max_epoch" ] || write_epoch\n  clear_marker\n  exec 8>&-', '  chaos_point before-intent'),
  before('  exec 9>>"$state/op.lock"\n  wait_for_older_operation\n  flush', '  chaos_point after-intent'),
  after('  wait_for_older_operation\n  flush "$state/epoch" "$state"', '  chaos_write fenced fence "$in_epoch"\n  chaos_point mid-effect'),
  after('  flush "$state/epoch" "$state"\n  chaos_write fenced fence "$in_epoch"\n  chaos_point mid-effect\n  observe_everything\n  exec 9>&-', '  chaos_point after-effect'),
];

/** What the product would be without one of its promises; for showing that the checker sees it. */
const BREAKS: Readonly<Record<Broken, readonly Change[]>> = {
  // The outbox is not the host's.
  outbox: [],
  fencing: [after('refuse_stale() {', '  return 0'), after('kill_running() {', '  return 0')],
  journal: [
    after('read_journal() {', '  name_journal\n  journal_intent=\'\' journal_done=\'\' journal_failed=\'\' journal_status=\'\'\n  return 0'),
    // Without its journal a start is still kept from acting twice by looking first; a journal that lies takes that with it.
    { find: '  if [ "$process_operation" = "${journal##*/}" ]; then', put: '  process_operation= process_json=null\n  if [ "$process_operation" = "${journal##*/}" ]; then' },
  ],
};

/** Writes the copy. Throws naming the place that was not found. */
export function writeHostProgram(file: string, ground: string, broken: Broken | null = null): void {
  const text = [...MOMENTS, ...(broken === null ? [] : BREAKS[broken])].reduce(changed, readFileSync(PROGRAM, 'utf8'));
  const [head, ...rest] = text.split('set -uf\n');
  if (head === undefined || rest.length !== 1) throw new Error('The host program does not begin as the chaos harness knows it.');
  // Shells that run the copy at hand go on with it: it is exchanged, not changed.
  writeFileSync(`${file}.new`, `${head}set -uf\n${functionsFor(ground)}${rest.join('')}`);
  chmodSync(`${file}.new`, 0o755);
  renameSync(`${file}.new`, file);
}

function changed(text: string, { find, put }: Change): string {
  const parts = text.split(find);
  if (parts.length !== 2) throw new Error(`The host program holds this ${parts.length - 1} times, and once was expected: ${find}`);
  return parts.join(put);
}

/** Without a fork unless something is armed: what is measured here must not be slower than the program itself. */
function functionsFor(ground: string): string {
  return `chaos_ground='${ground}'
chaos_verb=\${1:-}
case $chaos_verb in restore) chaos_verb=switch ;; esac

chaos_write() {
  [ -n "$in_opId" ] || return 0
  read -r chaos_up chaos_rest </proc/uptime
  printf '{"kind":"%s","up":%s,"what":"%s","epoch":%s,"opId":"%s","mark":"%s"}\\n' "$1" "$chaos_up" "$2" "\${in_epoch:-0}" "$in_opId" "$3" >>"$chaos_ground/effects.jsonl"
}

chaos_staged() {
  case $verb in fetch | unpack | configure | clean) chaos_write done "$verb" $$ ;; esac
}

chaos_point() {
  [ -n "$in_opId" ] || return 0
  case $verb in
    fence) chaos_place=fence ;;
    *)
      chaos_rest=\${in_opId%/*}
      chaos_place=\${chaos_rest##*/}
      chaos_rest=\${chaos_rest%/*}
      chaos_place=$chaos_place.\${chaos_rest##*/}
      ;;
  esac
  chaos_file=$chaos_ground/armed/$chaos_place.$1
  [ -e "$chaos_file" ] || return 0
  mv "$chaos_file" "$chaos_ground/struck/$chaos_place.$1" 2>/dev/null || return 0
  read -r chaos_fault <"$chaos_ground/struck/$chaos_place.$1"
  read -r chaos_up chaos_rest </proc/uptime
  printf '{"up":%s,"point":"%s","fault":"%s","release":"%s"}\\n' "$chaos_up" "$chaos_place.$1" "$chaos_fault" "\${in_opId%%/*}" >>"$chaos_ground/struck.jsonl"
  # The parent starts programs for the worker; the worker is its parent.
  read -r chaos_rest </proc/$PPID/stat
  chaos_rest=\${chaos_rest##*) ? }
  chaos_worker=\${chaos_rest%% *}
  case $chaos_worker in '' | 0 | 1 | *[!0-9]*) return 0 ;; esac
  case $chaos_fault in
    kill-worker) kill -9 "$chaos_worker" ;;
    stop-worker) kill -STOP "$chaos_worker" ;;
    kill-both) kill -9 "$chaos_worker"; kill -9 "-$own_pid" ;;
    kill-host | lose-answer) kill -9 "-$own_pid" ;;
  esac
}

`;
}
