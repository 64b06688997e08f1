import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { closedBy } from '../../../domain/watchdog/finding.ts';
import { healthOf, type PartsSeen } from '../../../domain/watchdog/health.ts';
import { findingOfHost, HOST_KINDS, lookAtInstalls, nextInTurn, type SeenHost } from '../../../domain/watchdog/hosts.ts';
import { waitingWith, type Hindrance } from '../../../domain/watchdog/hindrance.ts';
import { freedAtOnce, lookAtLocks } from '../../../domain/watchdog/locks.ts';
import { lookAtWorkers } from '../../../domain/watchdog/workers.ts';
import type { Waiting } from '../../../domain/release/waiting.ts';

describe('workers', () => {
  const open = [{ id: 'no-workers', kind: 'no-workers' }];

  test.each([
    ['gave a pulse just now', { pulseAgeMs: 4_000, temporalAnswers: true, waitingMs: 60_000 }, 0],
    ['are silent while Temporal answers', { pulseAgeMs: 25_000, temporalAnswers: true, waitingMs: null }, 1],
    ['are silent because Temporal is away', { pulseAgeMs: 25_000, temporalAnswers: false, waitingMs: 60_000 }, 0],
    ['never were there, and a release waits', { pulseAgeMs: null, temporalAnswers: true, waitingMs: 30_000 }, 1],
    ['never were there, and nobody asked for anything yet', { pulseAgeMs: null, temporalAnswers: true, waitingMs: 2_000 }, 0],
  ] as const)('that %s', (_what, seen, count) => {
    expect(lookAtWorkers(seen).found).toHaveLength(count);
  });

  test('that are back clear the finding; while Temporal is away nobody can say, and it stays', () => {
    expect(closedBy(lookAtWorkers({ pulseAgeMs: 1_000, temporalAnswers: true, waitingMs: null }), open)).toEqual(['no-workers']);
    expect(closedBy(lookAtWorkers({ pulseAgeMs: 90_000, temporalAnswers: false, waitingMs: null }), open)).toEqual([]);
  });
});

describe('locks', () => {
  const ended = { release: 'r-1', isKnown: true, owned: ['web-01', 'web-prod'] };
  const unknown = { release: 'r-2', isKnown: false, owned: ['web-02'] };

  test('of a release that has ended are freed at once and are no finding', () => {
    expect(freedAtOnce([ended, unknown])).toEqual([{ release: 'r-1', sentence: 'Release r-1 has ended but still owned web-01, web-prod; that was freed.' }]);
    expect(lookAtLocks([ended]).found).toEqual([]);
  });

  test('of a release that nobody knows are a finding with its own repair', () => {
    expect(lookAtLocks([ended, unknown]).found).toMatchObject([{ id: 'orphaned-lock/r-2', verb: 'free-lock', about: { release: 'r-2' }, sentence: expect.stringContaining('web-02') }]);
    expect(closedBy(lookAtLocks([]), [{ id: 'orphaned-lock/r-2', kind: 'orphaned-lock' }])).toEqual(['orphaned-lock/r-2']);
  });
});

describe('a host', () => {
  const digest = (letter: string): string => letter.repeat(64);
  const SEEN: SeenHost = {
    host: 'web-01', pool: 'web-prod', marker: null,
    expected: [{ application: 'web', version: '2', digest: digest('a') }],
    observed: [{ application: 'web', version: '2', digest: digest('a') }],
  };

  test.each<[string, Partial<SeenHost>, object | null]>([
    ['that runs what the log says is no finding', {}, null],
    ['that runs another version is one, with the release that touches only hosts that differ', { observed: [{ application: 'web', version: '1', digest: digest('b') }] }, { id: 'host-differs/web-01', repair: 'signalbox release web-prod web=2 --reason ...', sentence: expect.stringContaining('web 1 (bbbbbbbbbbbb), the log says 2') }],
    ['on which nothing is linked any more is one', { observed: [{ application: 'web', version: null, digest: null }] }, { id: 'host-differs/web-01', sentence: expect.stringContaining('web nothing') }],
    ['that says nothing of an application is no finding', { observed: [] }, null],
    ['no release ever came to is no finding', { expected: [] }, null],
    ['under break-glass is to be adopted first, whatever it runs', { marker: 'back-1', observed: [{ application: 'web', version: '1', digest: digest('b') }] }, { id: 'break-glass/web-01', verb: 'adopt-host', about: { marker: 'back-1' } }],
    ['with an empty marker is not under break-glass', { marker: '' }, null],
  ])('%s', (_what, more, expected) => {
    const found = findingOfHost({ ...SEEN, ...more });
    if (expected === null) expect(found).toBeNull();
    else expect(found).toMatchObject(expected);
    if (found !== null) expect(HOST_KINDS.map((kind) => `${kind}/web-01`)).toContain(found.id);
  });
});

describe('hosts that are looked at together', () => {
  const open = ['web-01', 'web-02'].map((host) => ({ id: `host-differs/${host}`, kind: 'host-differs' }));
  const same = { host: 'web-01', pool: 'web-prod', marker: null, expected: [], observed: [] };

  test('clear what is not so any more, each only its own', () => {
    expect(closedBy(lookAtInstalls([same]), open)).toEqual(['host-differs/web-01']);
    expect(closedBy(lookAtInstalls([]), open)).toEqual([]);
  });

  test('that are put back by hand stay found, and differ no more', () => {
    const look = lookAtInstalls([{ ...same, marker: 'back-1' }]);
    expect(look.found.map(({ id }) => id)).toEqual(['break-glass/web-01']);
    expect(closedBy(look, open)).toEqual(['host-differs/web-01']);
  });
});

test('taking turns reaches everybody, nobody twice in a turn, however many come and go', () => {
  fc.assert(fc.property(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 30 }), fc.integer({ min: 1, max: 7 }), (names, count) => {
    const seen = new Set<string>();
    let last: string | null = null;
    for (let turn = 0; turn < Math.ceil(names.length / count); turn++) {
      const next = nextInTurn(names, last, count);
      expect(new Set(next).size).toBe(next.length);
      expect(next.length).toBe(Math.min(count, names.length));
      for (const name of next) seen.add(name);
      last = next.at(-1) ?? null;
    }
    expect(seen).toEqual(new Set(names));
  }));
  expect(nextInTurn(['a', 'b', 'c'], 'bb', 2)).toEqual(['c', 'a']);
  expect(nextInTurn([], 'a', 2)).toEqual([]);
});

describe('why a release does not move', () => {
  const waiting: Waiting = { for: 'bake', since: 's', until: 'u', who: 'the timer', sentence: 'Baking until u.' };
  const nobody: Hindrance = { id: 'no-workers', kind: 'no-workers', sentence: 'No worker takes work.', repair: 'signalbox worker', openedAt: 't' };
  const lost: Hindrance = { id: 'orphaned-release/r-1', kind: 'orphaned-release', sentence: 'Nobody carries it on.', repair: 'signalbox repair x', openedAt: 't' };

  test('is what it waits for, when no finding keeps it', () => {
    expect(waitingWith(waiting, [])).toBe(waiting);
    expect(waitingWith(null, [])).toBeNull();
  });

  test('is that no worker takes work, besides what it waits for', () => {
    expect(waitingWith(waiting, [nobody])).toMatchObject({ for: 'worker', since: 't', until: null, sentence: expect.stringContaining('Besides: Baking until u.') });
    expect(waitingWith(null, [nobody])?.sentence).not.toContain('Besides');
  });

  test('is its own finding before everybody\'s', () => {
    expect(waitingWith(waiting, [nobody, lost])).toMatchObject({ for: 'repair', who: 'an operator with `signalbox repair x`', sentence: 'Nobody carries it on. Repair: signalbox repair x' });
  });
});

describe('the health of the parts', () => {
  const WELL: PartsSeen = {
    databaseMs: 3, temporalAnswers: true, pulseAgeMs: 2_000, backlog: { messages: 0, oldestMs: 0, error: null }, balancers: [{ pool: 'web-prod', ageMs: 1_000 }],
    turns: [{ part: 'rounds', by: 'api', ageMs: 5_000 }], running: 2,
  };
  const wrong = (more: Partial<PartsSeen>) => healthOf({ ...WELL, ...more }).filter(({ ok }) => !ok);

  test('is good when every part is, and then nothing is to be done', () => {
    expect(wrong({})).toEqual([]);
    expect(healthOf(WELL).every(({ next }) => next === null)).toBe(true);
    expect(healthOf(WELL).map(({ name }) => name)).toEqual(['api', 'database', 'temporal', 'workers', 'outbox', 'balancers', 'watchdog']);
  });

  test.each<[string, Partial<PartsSeen>, string]>([
    ['Temporal is away', { temporalAnswers: false }, 'temporal'],
    ['no worker gives a pulse', { pulseAgeMs: 60_000 }, 'workers'],
    ['no worker ever gave one', { pulseAgeMs: null }, 'workers'],
    ['messages wait for long', { backlog: { messages: 3, oldestMs: 60_000, error: 'unavailable' } }, 'outbox'],
    ['a balancer was not seen lately', { balancers: [{ pool: 'web-prod', ageMs: 90_000 }] }, 'balancers'],
    ['a balancer was never seen', { balancers: [{ pool: 'web-prod', ageMs: null }] }, 'balancers'],
    ['the database is slow', { databaseMs: 5_000 }, 'database'],
    ['nobody looks', { turns: [] }, 'watchdog'],
    ['nobody has looked lately', { turns: [{ part: 'rounds', by: 'api', ageMs: 600_000 }] }, 'watchdog'],
  ])('tells when %s, and what to do', (_what, more, name) => {
    expect(wrong(more)).toMatchObject([{ name, next: expect.any(String) }]);
  });

  test('a message on its way, and pools without a balancer, are nothing wrong', () => {
    expect(wrong({ backlog: { messages: 1, oldestMs: 200, error: null }, balancers: [] })).toEqual([]);
  });
});
