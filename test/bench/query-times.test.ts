import { expect, test } from 'vitest';
import { statementOf } from '../../bench/query-times.ts';

test('a prepared statement goes by its name, others by how they begin', () => {
  expect(statementOf({ name: 'append-target-event', text: 'select 1' })).toBe('append-target-event');
  expect(statementOf('begin')).toBe('begin');
  expect(statementOf({ text: '\n  select  *\n from events' })).toBe('select * from events');
});
