import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { closedBy } from '../../../domain/watchdog/finding.ts';
import { findingOfServer, lookAtServers, type SeenServer } from '../../../domain/watchdog/servers.ts';
import { initialTarget } from '../../../domain/release/target.ts';
import type { ObservedTraffic } from '../../../domain/release/target.ts';

const READY: ObservedTraffic = { admin: 'ready', operational: 'up', weight: 100, connections: 0, inService: true };
const DRAINED: ObservedTraffic = { ...READY, admin: 'drain', inService: false };
const SEEN: SeenServer = { pool: 'web-prod', host: 'web-01', server: 'web-01', traffic: READY, ageMs: 1_000, isFlagged: false, isDrainedByFlags: false, owner: null, last: null, wish: null };
const HELD = { release: 'r-1', endedMs: 600_000, state: { ...initialTarget('web-01', 'z'), forward: { ...initialTarget('web-01', 'z').forward, begun: 'drain' as const, done: ['drain' as const] } } };
const WISH = { release: 'r-1', wanted: { admin: 'ready' as const, weight: 100 }, ageMs: 60_000 };

describe('a server', () => {
  test.each<[string, Partial<SeenServer>, object | null]>([
    ['that serves is no finding', {}, null],
    ['that is drained without anybody\'s word is one, and can be brought in', { traffic: DRAINED }, { kind: 'unexplained-drain', verb: 'bring-in', about: { host: 'web-01', pool: 'web-prod', server: 'web-01', weight: 100 } }],
    ['in maintenance without anybody\'s word is one, and its command says why it is out', { traffic: { ...DRAINED, admin: 'maint' } }, { kind: 'unexplained-drain', repair: 'signalbox host drain web-01 --pool web-prod --force --reason ...' }],
    ['that a flag keeps out is explained', { traffic: DRAINED, isFlagged: true }, null],
    ['that flags have not brought back yet is explained', { traffic: DRAINED, isDrainedByFlags: true }, null],
    ['that its last release left out is explained', { traffic: DRAINED, last: HELD }, null],
    ['that was looked at before its last release ended says nothing', { traffic: DRAINED, ageMs: 5_000, last: { release: 'r-1', endedMs: 4_000, state: initialTarget('web-01', 'z') } }, null],
    ['that its last release left in service and that was drained since is a finding', { traffic: DRAINED, last: { release: 'r-1', endedMs: 60_000, state: initialTarget('web-01', 'z') } }, { kind: 'unexplained-drain' }],
    ['of a host that a release owns is that release\'s', { traffic: DRAINED, owner: 'r-1' }, null],
    ['that nobody looked at lately says nothing', { traffic: DRAINED, ageMs: 40_000 }, null],
    ['that a running release put into service and that is drained since is one, and is asserted again', { traffic: DRAINED, owner: 'r-1', wish: WISH }, { kind: 'traffic-differs', verb: 'assert-again', about: { release: 'r-1', host: 'web-01', pool: 'web-prod', server: 'web-01' } }],
    ['with another weight than its release wants is one', { traffic: { ...READY, weight: 1 }, owner: 'r-1', wish: WISH }, { kind: 'traffic-differs' }],
    ['that its release wants drained is told by who watches running releases', { owner: 'r-1', wish: { ...WISH, wanted: { admin: 'drain', weight: null } } }, null],
    ['whose wish is younger than the look is no finding', { traffic: DRAINED, owner: 'r-1', wish: { ...WISH, ageMs: 5_000 } }, null],
    ['that a flag took out of a running release\'s hands is explained', { traffic: DRAINED, owner: 'r-1', wish: WISH, isFlagged: true }, null],
  ])('%s', (_what, more, expected) => {
    const found = findingOfServer({ ...SEEN, ...more });
    if (expected === null) expect(found).toBeNull();
    else expect(found).toMatchObject({ ...expected, subject: 'web-01' });
  });

  test('is never told of twice, and what explains it is never a finding', () => {
    const server = fc.record({
      admin: fc.constantFrom<ObservedTraffic['admin'][]>('ready', 'drain', 'maint', 'none'),
      isFlagged: fc.boolean(), isDrainedByFlags: fc.boolean(), isHeld: fc.boolean(), owner: fc.constantFrom(null, 'r-1'), isWished: fc.boolean(), ageMs: fc.nat(60_000),
    });
    fc.assert(fc.property(server, ({ admin, isHeld, isWished, ...rest }) => {
      const found = findingOfServer({ ...SEEN, ...rest, traffic: { ...READY, admin }, last: isHeld ? HELD : null, wish: isWished ? { ...WISH, ageMs: 600_000 } : null });
      if (found?.kind === 'unexplained-drain') expect(rest.isFlagged || rest.isDrainedByFlags || isHeld || rest.owner !== null || admin === 'ready').toBe(false);
      if (found?.kind === 'traffic-differs') expect(rest.owner !== null && isWished && admin !== 'ready').toBe(true);
      if (rest.ageMs > 30_000) expect(found).toBeNull();
    }));
  });
});

test('a finding of a server is cleared by a fresh look that is well, and stays while looks are old', () => {
  const open = [{ id: 'unexplained-drain/web-prod/web-01', kind: 'unexplained-drain' }];
  expect(closedBy(lookAtServers([SEEN]), open)).toEqual(['unexplained-drain/web-prod/web-01']);
  expect(closedBy(lookAtServers([{ ...SEEN, ageMs: 40_000 }]), open)).toEqual([]);
  expect(closedBy(lookAtServers([{ ...SEEN, traffic: DRAINED }]), open)).toEqual([]);
});
