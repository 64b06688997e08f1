import { describe, expect, test } from 'vitest';
import { BACK, cleanRecord, GOOD, type Draft } from './clean-record.ts';
import { commands } from './commands.ts';
import { staleWritesReversed } from './epochs.ts';
import { judge, type RuleId } from './judge.ts';
import { RULES } from './rules.ts';
import type { Effect, LoggedEvent } from './record.ts';

/** Ids of the rules that a record breaks. */
function broken(record: Draft): readonly RuleId[] {
  return [...new Set(judge(RULES, record).map(({ rule }) => rule))];
}

function planted(plant: (record: Draft) => void): readonly RuleId[] {
  const record = cleanRecord();
  plant(record);
  return broken(record);
}

/** The first effect of its kind, and its place. */
function effectOf(record: Draft, what: Effect['what'], release: string, host = 'h1', direction = 'forward'): Effect {
  const found = record.effects.find((effect) => effect.what === what && effect.kind === 'done' && effect.opId.startsWith(`${release}/1/${host}/`) && effect.opId.includes(`/${direction}/`));
  if (found === undefined) throw new Error(`The clean record has no ${what} of ${release} on ${host}`);
  return found;
}

function eventOf(record: Draft, type: string, release: string): LoggedEvent {
  const found = record.events.find(({ event, release: own }) => event.type === type && own === release);
  if (found === undefined) throw new Error(`The clean record has no ${type} of ${release}`);
  return found;
}

const okMs = (record: Draft, op: string): number => record.client.find((entry) => entry.op === op && entry.kind === 'ok')?.atMs ?? 0;

test('a run that keeps every promise has no breach', () => {
  expect(judge(RULES, cleanRecord())).toEqual([]);
});

test('every rule of the list is there once, and says what it promises', () => {
  expect(RULES.map(({ id }) => id)).toEqual(['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'I8', 'I9', 'I10']);
  for (const { promise } of RULES) expect(promise).toMatch(/\.$/);
});

test('a rule that cannot be judged is a breach, never a promise kept', () => {
  expect(planted((record) => void (record.effects[0] = { ...effectOf(record, 'drain', GOOD), opId: 'nonsense' }))).toEqual(expect.arrayContaining(['I5', 'I7', 'I8']));
});

describe('I1, commands', () => {
  test('an ok command without its event', () => {
    expect(planted((record) => void (record.events = record.events.filter(({ event }) => event.type !== 'resumed').map((logged, index) => ({ ...logged, event: { ...logged.event, version: record.events.slice(0, index).filter(({ release, event }) => release === logged.release && event.type !== 'resumed').length + 1 } }))))).toContain('I1');
  });
  test('an ok command with two events', () => {
    expect(planted((record) => {
      const paused = eventOf(record, 'paused', GOOD);
      record.events.push({ ...paused, position: 999, event: { ...paused.event, id: 'again', version: record.events.filter(({ release }) => release === GOOD).length + 1 } });
    })).toEqual(['I1']);
  });
  test('a failed command that has an event', () => {
    expect(planted((record) => void (record.client = record.client.map((entry) => (entry.op === 'resume' && entry.kind === 'ok' ? { ...entry, kind: 'fail' } : entry))))).toEqual(['I1']);
  });
  test('the rollback of a release that has ended is the request of another one', () => {
    expect(planted((record) => {
      record.client.push({ kind: 'ok', op: 'rollback', mark: 'late', release: GOOD, atMs: 9_000 });
      const asked = eventOf(record, 'release-requested', GOOD);
      const event = { ...asked.event, id: 'late/1', version: 1, data: { ...asked.event.data, reason: 'late' } } as LoggedEvent['event'];
      record.events.push({ release: 'r-late', position: 9_000, seenMs: record.endedMs, event }, { release: 'r-late', position: 9_001, seenMs: record.endedMs, event: { ...eventOf(record, 'release-succeeded', GOOD).event, id: 'late/2', version: 2 } });
    })).toEqual([]);
    const begins = (record: Draft, cause: string): LoggedEvent => {
      const { event, ...logged } = eventOf(record, 'rollback-started', BACK);
      return { ...logged, release: 'r-late', event: { ...event, data: { ...event.data, reason: 'late', cause } } as LoggedEvent['event'] };
    };
    const record = cleanRecord();
    record.client.push({ kind: 'ok', op: 'rollback', mark: 'late', release: GOOD, atMs: 9_000 });
    const asked = eventOf(record, 'release-requested', GOOD);
    const request = { ...asked, release: 'r-late', event: { ...asked.event, data: { ...asked.event.data, reason: 'late' } } as LoggedEvent['event'] };
    expect(judge([commands], { ...record, events: [...record.events, request, begins(record, 'release')] })).toEqual([]);
    expect(judge([commands], { ...record, events: [...record.events, request, begins(record, 'operator')] })).toHaveLength(1);
  });
  test('an unknown outcome may have one event or none', () => {
    expect(planted((record) => void (record.client = record.client.map((entry) => (entry.op === 'resume' && entry.kind === 'ok' ? { ...entry, kind: 'info' } : entry))))).toEqual([]);
    expect(planted((record) => void record.client.push({ kind: 'info', op: 'abort', mark: 'abort nobody', release: GOOD, atMs: 9_000 }))).toEqual([]);
    expect(planted((record) => void record.client.push({ kind: 'info', op: 'abort', mark: 'abort nobody', release: GOOD, atMs: 9_000, accepted: true }))).toEqual(['I1']);
  });
});

describe('I2, streams', () => {
  test('a gap in the versions of a stream', () => {
    expect(planted((record) => void (record.events = record.events.filter(({ event, release }) => !(release === GOOD && event.type === 'target-staged' && event.version === 4))))).toEqual(['I2']);
  });
  test('one event id twice', () => {
    expect(planted((record) => void (record.events = record.events.map((logged, index) => (index === 3 ? { ...logged, event: { ...logged.event, id: record.events[2]?.event.id ?? '' } } : logged))))).toEqual(['I2']);
  });
  test('a read model that a rebuild changes', () => {
    expect(planted((record) => void (record.readModel = { differing: ['releases r-good'], brokenChain: [] }))).toEqual(['I2']);
  });
  test('a broken hash chain', () => {
    expect(planted((record) => void (record.readModel = { differing: [], brokenChain: ['release/r-good 3'] }))).toEqual(['I2']);
  });
});

describe('I3, effects', () => {
  test('a link that was switched twice under one opId', () => {
    expect(planted((record) => void record.effects.push({ ...effectOf(record, 'switch', GOOD), mark: 'another call' }))).toEqual(['I3']);
  });
  test('an application that was started twice by one step', () => {
    expect(planted((record) => void record.starts.push({ host: 'h2', version: '1.0.0', pid: 999, atMs: effectOf(record, 'start', GOOD, 'h2').atMs + 10 }))).toEqual(['I3']);
  });
  test('an application that started before any step of ours', () => {
    expect(planted((record) => void record.starts.push({ host: 'h2', version: '1.0.0', pid: 999, atMs: 5 }))).toEqual(['I3']);
  });
  test('the same effect written down twice is one effect', () => {
    expect(planted((record) => void record.effects.push({ ...effectOf(record, 'switch', GOOD) }))).toEqual([]);
  });
});

describe('I4, epochs', () => {
  const staleAdmit = (record: Draft): Effect => ({ ...effectOf(record, 'admit', BACK), atMs: (record.effects.find(({ kind }) => kind === 'fenced')?.atMs ?? 0) + 20 });
  test('a stop under an epoch that a fence had voided', () => {
    expect(planted((record) => void record.effects.push({ ...effectOf(record, 'stop', BACK), atMs: (record.effects.find(({ kind }) => kind === 'fenced')?.atMs ?? 0) + 20 }))).toEqual(expect.arrayContaining(['I4', 'I8']));
  });
  test('a stale balancer write that stands', () => {
    expect(planted((record) => {
      const stale = { ...staleAdmit(record), mark: 'ready' };
      record.samples = record.samples.map((sample) => ({ ...sample, servers: sample.servers.map((server) => ({ ...server, admin: sample.atMs > stale.atMs ? 'ready' : server.admin })) }));
      record.effects = record.effects.filter((effect) => !(effect.epoch > stale.epoch && effect.atMs > stale.atMs && (effect.what === 'drain' || effect.what === 'admit')));
      record.effects.push(stale);
    })).toContain('I4');
  });
  test('a stale balancer write that is reversed within two seconds is counted instead', () => {
    const record = cleanRecord();
    record.effects.push(staleAdmit(record));
    expect(broken(record)).not.toContain('I4');
    expect(staleWritesReversed(record)).toBe(1);
    expect(staleWritesReversed(cleanRecord())).toBe(0);
  });
});

describe('I5, owners', () => {
  test('two releases own a host at once', () => {
    expect(planted((record) => {
      const ended = eventOf(record, 'release-succeeded', GOOD);
      record.events = record.events.map((logged) => (logged === ended ? { ...logged, position: 10_000 } : logged));
    })).toEqual(['I5']);
  });
  test('an effect under an epoch that another release was given', () => {
    expect(planted((record) => void (record.effects = record.effects.map((effect) => (effect.what === 'switch' && effect.epoch === 1 ? { ...effect, epoch: 77 } : effect))))).toContain('I5');
  });
  test('an effect after its release has ended', () => {
    expect(planted((record) => void record.effects.push({ ...effectOf(record, 'switch', GOOD, 'h3'), atMs: eventOf(record, 'release-succeeded', GOOD).seenMs + 50 }))).toContain('I5');
  });
});

describe('I6, floor', () => {
  test('a sample with one host in service where two must be', () => {
    expect(planted((record) => void (record.samples = record.samples.map((sample, index) => (index === 20 ? { ...sample, servers: sample.servers.map((server, at) => ({ ...server, inService: at === 0 })) } : sample))))).toEqual(['I6']);
  });
  test('a host that serves a build that was never verified there does not count', () => {
    expect(planted((record) => {
      record.events = record.events.filter(({ event }) => !(event.type === 'target-step-succeeded' && event.data.step === 'verify' && event.data.host === 'h1'));
    })).toContain('I6');
  });
});

describe('I7, pauses', () => {
  test('a host that is begun after the pause was acknowledged', () => {
    expect(planted((record) => {
      const drain = effectOf(record, 'drain', GOOD, 'h2');
      record.effects = record.effects.map((effect) => (effect === drain ? { ...effect, atMs: okMs(record, 'pause') + 20 } : effect));
      record.client = record.client.map((entry) => (entry.op === 'resume' ? { ...entry, atMs: entry.atMs + 5_000 } : entry));
      record.events = record.events.map((logged) => (logged.event.type === 'resumed' ? { ...logged, seenMs: logged.seenMs + 5_000 } : logged));
    })).toContain('I7');
  });
  test('a host in work goes on to its safe point', () => {
    expect(planted((record) => {
      const ack = okMs(record, 'pause');
      const admit = effectOf(record, 'admit', GOOD, 'h1');
      record.effects = record.effects.map((effect) => (effect === admit ? { ...effect, atMs: ack + 20 } : effect));
    })).not.toContain('I7');
  });
});

describe('I8, rollbacks', () => {
  test('a forward effect on a host after its fence', () => {
    expect(planted((record) => void record.effects.push({ ...effectOf(record, 'start', BACK), mark: '201', epoch: 3, atMs: (record.effects.find(({ kind }) => kind === 'fenced')?.atMs ?? 0) + 200 }))).toEqual(['I8']);
  });
  test('a forward effect on a host that the rollback does not even name', () => {
    expect(planted((record) => void record.effects.push({ ...effectOf(record, 'drain', BACK), host: 'h3', opId: `${BACK}/1/h3/web/drain/forward/0`, atMs: okMs(record, 'rollback') + 10 }))).toContain('I8');
  });
});

describe('I9, endings', () => {
  const host = (change: Partial<Draft['hosts'][number]>): readonly RuleId[] => planted((record) => void (record.hosts = record.hosts.map((one, index) => (index === 0 ? { ...one, ...change } : one))));
  test('another build is linked than the log says', () => {
    expect(host({ digest: 'digest-2' })).toEqual(['I9']);
  });
  test('a host stands in another place in traffic than the log says', () => {
    expect(host({ admin: 'drain' })).toEqual(['I9']);
  });
  test('nothing runs where the log says that something does', () => {
    expect(host({ processes: 0 })).toEqual(['I9']);
  });
  test('what a rollback left unrestored is open, and the log says so', () => {
    expect(planted((record) => {
      const started = record.events.findIndex(({ event }) => event.type === 'rollback-started');
      const kept = record.events.filter(({ event }, index) => index <= started || event.type === 'release-rolled-back');
      record.events = kept.map((logged, index) => ({ ...logged, event: { ...logged.event, version: kept.slice(0, index + 1).filter(({ release }) => release === logged.release).length } }));
      record.effects = record.effects.filter(({ epoch }) => epoch < 3);
      record.starts = record.starts.filter(({ pid }) => pid !== 202);
      record.hosts = record.hosts.map((one, index) => (index === 0 ? { ...one, digest: 'digest-2', processes: 0, admin: 'drain' } : one));
    })).toEqual([]);
  });
  test('two processes of one application', () => {
    expect(host({ processes: 2 })).toEqual(['I9']);
  });
  test('a lock that outlived its release', () => {
    expect(host({ owner: BACK })).toEqual(['I9']);
  });
  test('files that were left behind', () => {
    expect(host({ residue: ['a half-unpacked tree'] })).toEqual(['I9']);
  });
});

describe('I10, silence', () => {
  test('a release that never ends', () => {
    expect(planted((record) => void (record.events = record.events.filter(({ event }) => event.type !== 'release-rolled-back')))).toEqual(['I10']);
  });
  test('a release that ends after its deadline', () => {
    expect(planted((record) => void (record.deadlineMs = 500))).toEqual(['I10']);
  });
  test('a minute without a word', () => {
    expect(planted((record) => {
      const from = eventOf(record, 'release-rolled-back', BACK);
      record.events = record.events.map((logged) => (logged === from ? { ...logged, seenMs: logged.seenMs + 61_000 } : logged));
      record.deadlineMs = 600_000;
      record.endedMs += 62_000;
    })).toEqual(['I10']);
  });
  test('a release that is paused may rest', () => {
    expect(planted((record) => {
      record.events = record.events.filter(({ release, event }) => release === GOOD ? record.events.findIndex((one) => one.event.id === event.id) <= record.events.findIndex((one) => one.event.type === 'paused') : false);
      record.client = record.client.filter(({ op, release }) => release === GOOD && (op === 'release' || op === 'pause'));
      record.effects = record.effects.filter(({ opId, host: where }) => opId.startsWith(GOOD) && where === 'h1');
      record.starts = record.starts.filter(({ host: where, atMs }) => where === 'h1' && atMs < 4_500);
      record.hosts = record.hosts.map((one, index) => (index === 0 ? one : { ...one, digest: null, processes: 0 }));
      record.endedMs += 200_000;
    })).toEqual([]);
  });
});
