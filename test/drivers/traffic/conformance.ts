/** What every traffic driver promises, whatever stands behind it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fence, Traffic, TrafficCall, WantedTraffic } from '../../../drivers/traffic/port.ts';

export interface TrafficUnderTest {
  readonly traffic: Traffic;
  /** at least two servers, ready and healthy */
  readonly servers: readonly string[];
  stop(): Promise<void>;
}

export const READY: WantedTraffic = { admin: 'ready', weight: null };

/** An open fence and a signal that never fires. */
export function call(fence: Fence = (write) => write()): TrafficCall {
  return { fence, signal: new AbortController().signal };
}

/** A fence that counts the writes it let through. */
export function countingFence(): { readonly fence: Fence; readonly count: () => number } {
  let count = 0;
  return {
    fence: (write) => {
      count += 1;
      return write();
    },
    count: () => count,
  };
}

/** @param balanced whether requests really stop at a drained server; false for drivers without a balancer */
export function trafficConformance(title: string, balanced: boolean, start: () => Promise<TrafficUnderTest>): void {
  describe(`${title} as a traffic driver`, () => {
    let under: TrafficUnderTest;
    beforeAll(async () => {
      under = await start();
    });
    afterAll(() => under?.stop());
    const { signal } = call();

    test('observe answers for each server in the order asked', async () => {
      const [first = '', second = ''] = under.servers;
      const forth = await under.traffic.observe([first, second], signal);
      const back = await under.traffic.observe([second, first], signal);
      expect(back).toEqual([...forth].reverse());
      expect(forth.every((state) => state.inService)).toBe(true);
    });

    test('observe of no server is an empty answer', async () => {
      expect(await under.traffic.observe([], signal)).toEqual([]);
    });

    test('a drained server is out of service without connections, and admit brings it back as it was', async () => {
      const server = under.servers[0] ?? '';
      const [before] = await under.traffic.observe([server], signal);
      const drained = await under.traffic.drain(server, { ...call(), timeoutMs: 5_000 });
      expect(drained).toMatchObject({ connections: 0, inService: !balanced });
      const admitted = await under.traffic.admit(server, { admin: 'ready', weight: before?.weight ?? null }, { ...call(), timeoutMs: 5_000 });
      expect(admitted).toEqual(before);
      expect(await under.traffic.observe([server], signal)).toEqual([before]);
    });

    test('drain, admit and assert may be said again without a further write', async () => {
      const server = under.servers[1] ?? '';
      await under.traffic.drain(server, { ...call(), timeoutMs: 5_000 });
      const again = countingFence();
      await under.traffic.drain(server, { ...call(again.fence), timeoutMs: 5_000 });
      await under.traffic.assert(server, { admin: 'drain', weight: null }, call(again.fence));
      expect(again.count()).toBe(0);
      await under.traffic.admit(server, READY, { ...call(), timeoutMs: 5_000 });
      await under.traffic.admit(server, READY, { ...call(again.fence), timeoutMs: 5_000 });
      await under.traffic.assert(server, READY, call(again.fence));
      expect(again.count()).toBe(0);
    });

    test('a call that was aborted before it began ends with the reason of its signal and writes nothing', async () => {
      const reason = new Error('the worker shuts down');
      const fence = countingFence();
      const options = { fence: fence.fence, signal: AbortSignal.abort(reason), timeoutMs: 5_000 };
      const server = under.servers[0] ?? '';
      await expect(under.traffic.drain(server, options)).rejects.toBe(reason);
      await expect(under.traffic.admit(server, READY, options)).rejects.toBe(reason);
      await expect(under.traffic.assert(server, READY, options)).rejects.toBe(reason);
      await expect(under.traffic.observe([server], options.signal)).rejects.toBe(reason);
      expect(fence.count()).toBe(0);
    });
  });
}

/** The promises of those whose servers have weights: every balancer's. */
export function weightConformance(title: string, start: () => Promise<TrafficUnderTest>): void {
  describe(`${title} as a traffic driver with weights`, () => {
    let under: TrafficUnderTest;
    beforeAll(async () => {
      under = await start();
    });
    afterAll(() => under?.stop());
    const { signal } = call();

    test('a weight is read back, said again it writes nothing, stays through drain and admit, and admit restores the one before', async () => {
      const server = under.servers[0] ?? '';
      const [before] = await under.traffic.observe([server], signal);
      const fence = countingFence();
      expect(await under.traffic.weight(server, 3, call(fence.fence))).toEqual({ ...before, weight: 3 });
      expect(await under.traffic.weight(server, 3, call(fence.fence))).toEqual({ ...before, weight: 3 });
      expect(fence.count()).toBe(1);
      expect(await under.traffic.drain(server, { ...call(), timeoutMs: 5_000 })).toMatchObject({ weight: 3, inService: false });
      expect(await under.traffic.weight(server, 4, call())).toMatchObject({ weight: 4, admin: 'drain', inService: false });
      expect(await under.traffic.admit(server, READY, { ...call(), timeoutMs: 5_000 })).toMatchObject({ weight: 4, inService: true });
      expect(await under.traffic.admit(server, { admin: 'ready', weight: before?.weight ?? null }, { ...call(), timeoutMs: 5_000 })).toEqual(before);
    });

    test('a weight that cannot be is refused before anything is written, and one whose fence refuses changes nothing', async () => {
      const server = under.servers[0] ?? '';
      const fence = countingFence();
      for (const weight of [-1, 1.5, Number.NaN]) await expect(under.traffic.weight(server, weight, call(fence.fence))).rejects.toThrow('weight');
      expect(fence.count()).toBe(0);
      const before = await under.traffic.observe([server], signal);
      await expect(under.traffic.weight(server, 5, call(() => Promise.reject(new Error('stale epoch'))))).rejects.toThrow('stale epoch');
      expect(await under.traffic.observe([server], signal)).toEqual(before);
    });
  });
}
