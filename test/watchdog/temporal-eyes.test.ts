/** How the watchdog looks at Temporal when nobody is there. */
import { expect, test } from 'vitest';
import { freePorts } from '../../stack/ports.ts';
import { openEyes } from '../../watchdog/temporal-eyes.ts';

test('where nobody listens that is told at once: nothing is tried again behind the back of who asked', async () => {
  const [port = 0] = await freePorts(1);
  const eyes = openEyes({ temporalAddress: `127.0.0.1:${port}`, namespace: 'default', taskQueue: 'watchdog' });
  const startedMs = performance.now();
  expect(await eyes.answers(new AbortController().signal)).toBe(false);
  expect(await eyes.look('r-00000000', true, new AbortController().signal)).toEqual({ seen: 'unknown' });
  expect(await eyes.siteAskedAgoMs('east', new AbortController().signal)).toBe('unknown');
  expect(performance.now() - startedMs).toBeLessThan(2_000);
  await eyes.close();
});

test('who ends does not wait for an answer', async () => {
  const eyes = openEyes({ temporalAddress: '192.0.2.1:7233', namespace: 'default', taskQueue: 'watchdog' });
  const ending = new AbortController();
  const asked = eyes.answers(ending.signal);
  ending.abort();
  expect(await asked).toBe(false);
  await eyes.close();
});
