import { describe, expect, test } from 'vitest';
import type { Batch, Target } from '../../../cli/release.ts';
import { renderTree } from '../../../cli/render/tree.ts';
import { releaseLike } from '../recorded-server.ts';

const NOW = Date.parse('2026-01-05T10:01:05.000Z');
const PLAIN = { color: false, columns: 120, rows: 0, nowMs: NOW };

function target(host: string, status: string, more: Partial<Target> = {}): Target {
  return { host, zone: 'a', status, step: null, attempts: 1, observedVersion: { web: '2.0.0' }, error: null, ...more };
}

function batch(index: number, status: string, targets: readonly Target[]): Batch {
  return { index, kind: index === 0 ? 'bastion' : 'batch', status, targets };
}

const ROLLING = releaseLike({
  batches: [
    batch(0, 'done', [target('web-01', 'succeeded')]),
    batch(1, 'rolling', [target('web-02', 'in-work', { step: 'drain', observedVersion: { web: '1.0.0' } }), target('web-03', 'failed', { error: { class: 'host', code: 'start-failed', message: 'exit 1', next: 'look', step: 'start' } })]),
    batch(2, 'pending', [target('web-04', 'staged', { observedVersion: {} })]),
  ],
});

describe('the tree of a release', () => {
  test('shows header, batches and targets with their glyphs, steps and observed versions', () => {
    expect(renderTree(ROLLING, PLAIN)).toEqual([
      'Release:   r-recorded0001',
      'Pool:      web-prod (prod)',
      'Status:    ⟳ releasing',
      'Changes:   web 1.0.0 → 2.0.0',
      'Strategy:  standard',
      'By:        ci: new checkout page',
      'Progress:  1/4 targets done, 1m05s',
      '',
      'NAME                               STATUS                 STEP     VERSION',
      '├── ✔ bastion                      done',
      '│   └── ✔ web-01                   succeeded                       2.0.0',
      '├── ⟳ batch 1                      rolling',
      '│   ├── ⟳ web-02                   in-work                drain    1.0.0',
      '│   └── ✖ web-03                   failed                          2.0.0',
      '          start: exit 1',
      '└── ◌ batch 2                      pending',
      '    └── ◌ web-04                   staged',
    ]);
  });

  test('after a jump the batches to come stand in the order in which they follow', () => {
    const more = [...ROLLING.batches, batch(3, 'pending', [target('web-05', 'staged')])];
    const names = (out: Parameters<typeof renderTree>[0]) => renderTree(out, PLAIN).flatMap((line) => /[├└]── . (bastion|batch \d)/.exec(line)?.[1] ?? []);
    expect(names(releaseLike({ batches: more, toCome: [3, 2] }))).toEqual(['bastion', 'batch 1', 'batch 3', 'batch 2']);
    expect(renderTree(releaseLike({ batches: more, toCome: [3, 2] }), PLAIN).find((line) => line.includes('batch 2'))).toMatch(/^└──/);
    expect(names(releaseLike({ batches: more }))).toEqual(['bastion', 'batch 1', 'batch 2', 'batch 3']);
  });

  test('a target that flags keep out of traffic says so', () => {
    const out = releaseLike({ batches: [batch(0, 'done', [{ ...target('web-01', 'succeeded'), keptOut: ['operator'] }])] });
    expect(renderTree(out, PLAIN).find((line) => line.includes('web-01'))).toMatch(/succeeded +kept out/);
  });

  test('one line tells where a rollback would lead, while there was none, and where it could not', () => {
    const way = (host: string, version: string | null, feasible = true) => ({ host, applications: [{ application: 'web', version, digest: version === null ? null : 'd'.repeat(64) }], feasible, why: null });
    const planned = releaseLike({ rollbackPlan: { mode: 'regular', targets: [way('web-01', '1.0.0'), way('web-02', '1.0.0'), way('web-03', null), way('web-04', '0.9.0', false)] } });
    expect(renderTree(planned, PLAIN)).toContain('Way back:  web 1.0.0 on 2 hosts; web absent on web-03; web 0.9.0 on web-04; not possible on web-04');
    const { rollbackPlan: _none, ...older } = releaseLike({});
    expect(renderTree(older as typeof planned, PLAIN).join('\n')).not.toContain('Way back');
  });

  test('a paused release shows the pause glyph and the sentence why it waits', () => {
    const paused = releaseLike({
      paused: { cause: 'operator', by: 'ann', reason: 'lunch', since: '2026-01-05T10:00:30.000Z', deadline: null, quiet: true },
      waiting: { for: 'resume', since: '2026-01-05T10:00:30.000Z', until: null, who: 'an operator', sentence: 'Paused by ann: lunch.' },
    });
    const lines = renderTree(paused, PLAIN);
    expect(lines).toContain('Status:    ‖ releasing, paused');
    expect(lines).toContain('Waits:     Paused by ann: lunch.');
  });

  test('a deadline that runs is shown with its moment, how far away it is and what it leads to', () => {
    const at = new Date(PLAIN.nowMs + 7_200_000).toISOString();
    const lines = renderTree(releaseLike({ deadline: { which: 'release', at, then: 'the release pauses' } }), PLAIN);
    expect(lines).toContain(`Deadline:  the release pauses at ${at}, 2h00m from now`);
    expect(renderTree(releaseLike({ deadline: null }), PLAIN).join()).not.toContain('Deadline');
  });

  test('batches without trouble fold when the terminal is too low, batches in work or in trouble never', () => {
    const many = releaseLike({
      batches: [batch(0, 'done', [target('web-001', 'succeeded')]), batch(1, 'done', Array.from({ length: 60 }, (_, n) => target(`web-1${n}`, 'succeeded'))), ...ROLLING.batches.slice(1, 2)],
    });
    const folded = renderTree(many, { ...PLAIN, rows: 24 });
    expect(folded.length).toBeLessThanOrEqual(24);
    expect(folded).toContain('├── ✔ batch 1 (60 targets)         done');
    expect(folded.some((line) => line.includes('web-02'))).toBe(true);
    expect(renderTree(many, { ...PLAIN, rows: 200 }).some((line) => line.includes('web-159'))).toBe(true);
  });

  test('no line is wider than the terminal', () => {
    const wordy = releaseLike({ reason: 'long '.repeat(60), batches: ROLLING.batches });
    for (const line of renderTree(wordy, { ...PLAIN, columns: 60 })) expect([...line].length).toBeLessThanOrEqual(60);
  });

  test('colour is only added, the words stay the same', () => {
    const colored = renderTree(ROLLING, { ...PLAIN, color: true }).join('\n');
    expect(colored).toContain('\u001b[');
    expect(colored.replace(/\u001b\[\d+m/g, '')).toBe(renderTree(ROLLING, PLAIN).join('\n'));
  });

  test('a reason with escape sequences cannot reach the terminal', () => {
    const evil = releaseLike({ reason: 'x\u001b]0;owned\u0007\r\ny' });
    expect(renderTree(evil, PLAIN).join('\n')).not.toMatch(/[\u001b\u0007\r]/);
  });
});
