/** A release as a tree: a header, then batches and their targets. A pure function, so that a redraw is only a comparison of text. */
import { showDuration } from '../duration.ts';
import { batchesInOrder, hasEnded, progressOf, versionText, wayBackText } from '../release.ts';
import type { Batch, Release, RollbackPlan, Target } from '../release.ts';
import { bold, marked, paint, printable, toneOf } from './glyphs.ts';
import { skippedLines } from './plan.ts';
import { pad } from './table.ts';

export interface TreeOptions {
  readonly color: boolean;
  readonly columns: number;
  /** lines available; batches without trouble fold to one line when the tree is taller. 0 = no limit */
  readonly rows: number;
  readonly nowMs: number;
}

/** Lines of at most `columns` characters, without line ends. */
export function renderTree(release: Release, options: TreeOptions): string[] {
  const head = header(release, options);
  const batches = batchesInOrder(release);
  const full = batches.flatMap((batch, index) => batchLines(release, batch, isLast(release, index), false, options));
  const room = options.rows - head.length - 2;
  const fits = options.rows === 0 || full.length <= room;
  const lines = fits ? full : batches.flatMap((batch, index) => batchLines(release, batch, isLast(release, index), isQuiet(batch), options));
  if (lines.length === 0) return head;
  return [...head, '', paint(row('NAME', 'STATUS', 'STEP', 'VERSION', options), 'quiet', options.color), ...lines];
}

function isLast(release: Release, index: number): boolean {
  return index === release.batches.length - 1;
}

/** Nothing to look at: all done or all still to come. */
function isQuiet(batch: Batch): boolean {
  return (batch.status === 'done' || batch.status === 'pending') && batch.targets.every((target) => target.error === null);
}

function header(release: Release, options: TreeOptions): string[] {
  const { color } = options;
  const status = release.paused === null ? marked(toneOf(release.status), release.status, color) : marked('held', `${release.status}, paused`, color);
  const { done, all } = progressOf(release);
  const endMs = release.finishedAt === null ? options.nowMs : Date.parse(release.finishedAt);
  const fields: [string, string][] = [
    ['Release', bold(release.id, color) + kindText(release)],
    ['Pool', `${release.pool} (${release.environment})`],
    ['Status', status],
    ['Changes', release.changes.map(({ application, from, to }) => `${application} ${from ?? 'none'} → ${to}`).join(', ')],
    ['Strategy', release.strategy],
    ['By', printable(release.requestedBy + (release.reason === null ? '' : `: ${release.reason}`))],
    ['Progress', `${all === 0 ? 'not planned yet' : `${done}/${all} targets ${release.rollback === null ? 'done' : 'restored'}`}, ${showDuration(endMs - Date.parse(release.createdAt))}${etaText(release)}`],
  ];
  if (release.rollback !== null) fields.push(['Rollback', printable(`${release.rollback.mode}, by ${release.rollback.by}: ${release.rollback.reason}`)]);
  if (hasWayBack(release)) fields.push(['Way back', printable(wayBackText(release.rollbackPlan))]);
  if (release.waiting !== null) fields.push(['Waits', printable(release.waiting.sentence)]);
  if (release.deadline) fields.push(['Deadline', printable(`${release.deadline.then} at ${release.deadline.at}, ${showDuration(Date.parse(release.deadline.at) - options.nowMs)} from now`)]);
  for (const line of skippedLines(release.skipped)) fields.push(['Passed', line.replace('passed untouched: ', '')]);
  if (release.compared?.scaleOut != null) fields.push(['Followed', `by scale-out ${release.compared.scaleOut} for ${release.compared.joined.join(', ')}`]);
  for (const warning of release.warnings) fields.push(['Warning', paint(printable(warning), 'warn', color)]);
  return fields.map(([name, value]) => `${pad(`${name}:`, 10)} ${clip(value, options.columns - 11, color)}`);
}

/** Said only where it is no ordinary rollout. */
function kindText({ kind, rollbackOf }: Release): string {
  if (rollbackOf !== null) return `  (takes back ${rollbackOf})`;
  return kind === 'rollout' ? '' : `  (${kind})`;
}

/** Of a release that may still be taken back. An older server says nothing of it. */
function hasWayBack(release: Release): release is Release & { readonly rollbackPlan: RollbackPlan } {
  return (release.rollbackPlan ?? null) !== null && release.rollback === null && release.rollbackPlan?.targets.length !== 0;
}

function etaText(release: Release): string {
  if (release.eta === null || hasEnded(release) || release.paused !== null) return '';
  return `, about ${showDuration(release.eta.p50 * 1000)} of work left`;
}

function batchLines(release: Release, batch: Batch, last: boolean, folded: boolean, options: TreeOptions): string[] {
  const name = batch.kind === 'bastion' ? 'bastion' : `${batch.kind} ${batch.index}`;
  const tone = batch.status === 'failed' ? 'bad' : toneOf(batch.status);
  const count = folded ? `${name} (${batch.targets.length} targets)` : name;
  const lines = [paint(row(`${last ? '└──' : '├──'} ${glyphed(tone, count)}`, batch.status, '', '', options), tone, options.color)];
  if (folded) return lines;
  const stem = last ? '    ' : '│   ';
  batch.targets.forEach((target, index) => {
    const branch = index === batch.targets.length - 1 ? '└──' : '├──';
    lines.push(...targetLines(release, target, `${stem}${branch} `, options));
  });
  return lines;
}

function targetLines(release: Release, target: Target, stem: string, options: TreeOptions): string[] {
  const tone = toneOf(target.status);
  const step = target.status === 'in-work' || target.status === 'restoring' ? (target.step ?? '') : target.keptOut === undefined ? '' : 'kept out';
  const attempts = target.attempts > 1 ? ` (attempt ${target.attempts})` : '';
  const line = row(`${stem}${glyphed(tone, target.host)}`, target.status + attempts, step, printable(versionText(target.observedVersion)), options);
  if (target.error === null || hasEnded(release)) return [paint(line, tone, options.color)];
  const error = `${' '.repeat(stem.length + 2)}${target.error.step}: ${printable(target.error.message)}`;
  return [paint(line, tone, options.color), paint(clip(error, options.columns, false), 'bad', options.color)];
}

function glyphed(tone: Parameters<typeof marked>[0], text: string): string {
  return marked(tone, text, false);
}

/** Cells before colour, so that widths are counted on what is seen. */
function row(name: string, status: string, step: string, version: string, options: TreeOptions): string {
  return clip(`${pad(name, 34)} ${pad(status, 22)} ${pad(step, 8)} ${version}`.trimEnd(), options.columns, false);
}

/** A longer line would wrap and leave rubbish behind at the next redraw. Coloured text is short by construction and left alone. */
function clip(text: string, columns: number, colored: boolean): string {
  if (colored && text.includes('\u001b')) return text;
  const letters = [...text];
  return letters.length <= columns || columns < 2 ? text : `${letters.slice(0, columns - 1).join('')}…`;
}
