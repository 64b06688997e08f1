import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { call } from './call.ts';
import { RecordedServer } from './recorded-server.ts';
import type { Called } from './call.ts';

let server: RecordedServer;
beforeEach(async () => {
  server = await new RecordedServer().start();
});
afterEach(() => server.stop());

function cli(args: readonly string[]): Promise<Called> {
  return call([...args, '--url', server.url, '--token', 'secret-token'], { cwd: '/' });
}

describe('a plan with other values for some batches', () => {
  test('shows a column for each kind of value that is not the ordinary one, and the cap', async () => {
    const ordinary = { lanes: 2, bakeSeconds: 10, manual: false, mode: 'barrier', pauseSeconds: 0, verification: 'required', tolerance: 0 };
    const roll = (index: number, startSeconds: number) => ({ what: 'roll', startSeconds, endSeconds: startSeconds + 5, inService: { lowest: 6 }, batch: { index, part: 'whole', waitingAtFloor: [] }, wait: null });
    server.json('POST /v1/plans', 200, {
      id: 'ab'.repeat(32),
      plan: {
        batches: [
          { ...ordinary, index: 0, kind: 'bastion', hosts: ['web-01'], lanes: 1 },
          { ...ordinary, index: 1, kind: 'batch', zone: 'idc-a', hosts: ['web-02', 'web-03', 'web-04'], mode: 'window', tolerance: 1, verification: 'ignored', pauseSeconds: 90 },
        ],
        capacity: { hosts: 8, inService: 8, floor: 6, outageAllowed: false }, batchCap: { percent: 50, hosts: 4 },
        changes: [{ application: 'web', version: '2.0.0', sha256: 'f'.repeat(64) }], rollback: { batchPercent: 33 }, warnings: [],
      },
      assumes: '', plannedWaitSeconds: 110, different: null,
      simulation: { p50Seconds: 95, p90Seconds: 130, basis: 'default', inService: { lowest: 6, floor: 6, moment: 0 }, timeline: [roll(0, 1), roll(1, 9)] },
    });
    const { stdout } = await cli(['plan', 'web-prod', 'web=2.0.0', '--batch-cap', '50', '--reason', 'night']);
    expect(stdout.split('\n').slice(1, 5)).toEqual([
      'BATCH    ZONE   HOSTS  AT ONCE  STARTS  ENDS  SERVING  MODE     HEALTH    MAY FAIL  BAKE  REST   GOES ON    NAMES',
      'bastion         1      1        +1s     +6s   ≥6       barrier  required  0         10s   0s     by itself  web-01',
      'batch 1  idc-a  3      2        +9s     +14s  ≥6       window   ignored   1         10s   1m30s  by itself  web-02, web-03, web-04',
      'capacity: 8 hosts, 8 in service, never below 6; no batch takes more than 4 (50%); as played through, never fewer than 6',
    ]);
    expect(JSON.parse(String(server.seen[0]?.body))).toMatchObject({ batchCapPercent: 50, reason: 'night' });
  });

  test('a cap that is no percentage is a mistake in the call', async () => {
    expect(await cli(['plan', 'web-prod', 'web=2.0.0', '--batch-cap', 'half'])).toMatchObject({ code: 2, stderr: expect.stringContaining('"half" is not a percentage. Write for example --batch-cap 50.') });
  });
});
