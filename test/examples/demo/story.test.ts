import { expect, test } from 'vitest';
import { CHAPTERS, complaintsAbout, touchedHosts, type HostAnswers, type ReleaseAnswer, type Told } from '../../../examples/demo/story.ts';

const [, good, silent, late] = CHAPTERS as [unknown, (typeof CHAPTERS)[0], (typeof CHAPTERS)[0], (typeof CHAPTERS)[0]];
const BATCHES = [['h1'], ['h2', 'h3'], ['h4', 'h5'], ['h6']];
const ALL = BATCHES.flat();

/** A release over h1 … h6 that touched the given hosts. */
function release(status: string, touched: readonly string[]): ReleaseAnswer {
  const batches = BATCHES.map((hosts, index) => ({
    index,
    kind: index === 0 ? 'bastion' : 'batch',
    status: 'done',
    targets: hosts.map((host) => ({ host, status: 'x', step: null, attempts: touched.includes(host) ? 1 : 0, observedVersion: {}, error: null })),
  }));
  return { id: 'r-1', status, createdAt: '2026-01-01T00:00:00Z', finishedAt: null, waiting: null, failure: null, batches };
}

/** Every host answers the version; the touched ones with a new process. */
function answers(version: string, restarted: readonly string[] = []): HostAnswers {
  return Object.fromEntries(ALL.map((host, index) => [host, { version, pid: index + 1 + (restarted.includes(host) ? 100 : 0) }]));
}

function told(change: Partial<Told>): Told {
  return { chapter: good, release: release('succeeded', ALL), witnesses: { before: answers('1.0.0'), after: answers('2.0.0', ALL) }, failingHost: null, failedRequests: 0, ...change };
}

test('a good release that reached every host has no complaint', () => {
  expect(complaintsAbout(told({}))).toEqual([]);
});

test('one failed request is a complaint however well the release ended', () => {
  expect(complaintsAbout(told({ failedRequests: 1 }))).toEqual(['1 requests failed']);
});

test('a good release that left out a host is complained about, by the host', () => {
  const touched = ALL.slice(0, 5);
  const complaints = complaintsAbout(told({ release: release('succeeded', touched), witnesses: { before: answers('1.0.0'), after: { ...answers('2.0.0', touched), h6: { version: '1.0.0', pid: 6 } } } })).join('\n');
  expect(complaints).toContain('h6 answers 1.0.0 instead of 2.0.0');
  expect(complaints).toContain('expected were h1, h2, h3, h4, h5, h6');
});

test('the silent version may touch its bastion only', () => {
  const witnesses = { before: answers('2.0.0'), after: answers('2.0.0', ['h1']) };
  expect(complaintsAbout(told({ chapter: silent, release: release('rolled-back', ['h1']), witnesses }))).toEqual([]);
  expect(complaintsAbout(told({ chapter: silent, release: release('rolled-back', ['h1', 'h2']), witnesses })).join()).toContain('expected were h1');
});

test('a host whose process changed although the release says it was untouched is found', () => {
  const witnesses = { before: answers('2.0.0'), after: answers('2.0.0', ['h1', 'h6']) };
  expect(complaintsAbout(told({ chapter: silent, release: release('rolled-back', ['h1']), witnesses })).join()).toContain('h6 was not touched');
});

test('a touched host whose process never changed is found', () => {
  const witnesses = { before: answers('2.0.0'), after: answers('2.0.0') };
  expect(complaintsAbout(told({ chapter: silent, release: release('rolled-back', ['h1']), witnesses })).join()).toContain('h1 was touched, yet');
});

test('the late failure rolls back everything up to batch 2 and nothing after it', () => {
  const touched = ['h1', 'h2', 'h3', 'h4', 'h5'];
  const witnesses = { before: answers('2.0.0'), after: answers('2.0.0', touched) };
  expect(complaintsAbout(told({ chapter: late, release: release('rolled-back', touched), failingHost: 'h4', witnesses }))).toEqual([]);
  expect(complaintsAbout(told({ chapter: late, release: release('rolled-back', ALL), failingHost: 'h4', witnesses })).length).toBeGreaterThan(0);
  expect(complaintsAbout(told({ chapter: late, release: release('rolled-back', ['h1', 'h2', 'h3']), failingHost: 'h4', witnesses: null })).length).toBeGreaterThan(0);
});

test('another end than the expected one is named with its reason', () => {
  const failed = { ...release('failed', []), failure: { message: 'no space' } };
  expect(complaintsAbout(told({ release: failed, witnesses: null })).join()).toContain('it ended failed instead of succeeded (no space)');
});

test('touched are the hosts on which a step was begun, in the order of their names', () => {
  expect(touchedHosts(release('rolled-back', ['h4', 'h1']))).toEqual(['h1', 'h4']);
});
