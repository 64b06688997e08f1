/** I2: the log is whole, and what is shown is what it says. */
import type { Rule } from './judge.ts';

export const streams: Rule = {
  id: 'I2',
  promise: 'Stream versions have no gap and no fork; a rebuilt read model is the live one.',
  judge: ({ events, readModel }) => {
    const versions = [...Map.groupBy(events, ({ release }) => release)].flatMap(([release, own]) =>
      own.toSorted((a, b) => a.event.version - b.event.version).flatMap(({ event, seenMs }, index) =>
        event.version === index + 1 ? [] : [{ what: `release ${release}: event ${index + 1} has version ${event.version}`, atMs: seenMs }]));
    const ids = [...Map.groupBy(events, ({ event }) => event.id)].filter(([, same]) => same.length > 1).map(([id]) => ({ what: `the event ${id} stands in the log twice` }));
    const differing = readModel.differing.map((row) => ({ what: `the read model differs from a rebuilt one: ${row}` }));
    const broken = readModel.brokenChain.map((why) => ({ what: `the hash chain is broken: ${why}` }));
    return [...versions.slice(0, 1), ...ids, ...differing, ...broken];
  },
};
