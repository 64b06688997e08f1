import { expect, test } from 'vitest';
import { parseStartArguments, WrongArguments } from '../../stack/arguments.ts';

const context = { clone: '/clone', env: {} };

test('without flags the documented defaults hold', () => {
  expect(parseStartArguments([], context)).toEqual({
    once: false, demo: true, dataDir: '/clone/.signalbox', apiPort: 8300, temporalPort: null, uiPort: null, postgresPort: null, temporalAddress: null, databaseUrl: null,
  });
});

test('every flag is taken over', () => {
  const flags = ['--once', '--data', '/d', '--api-port', '1', '--temporal-port', '2', '--ui-port', '3', '--postgres-port', '4', '--temporal-address', 'h:5', '--database-url', 'postgres://u@h/d'];
  expect(parseStartArguments(flags, context)).toEqual({
    once: true, demo: true, dataDir: '/d', apiPort: 1, temporalPort: 2, uiPort: 3, postgresPort: 4, temporalAddress: 'h:5', databaseUrl: 'postgres://u@h/d',
  });
});

test('DATABASE_URL stands in for --database-url and gives way to it', () => {
  const env = { DATABASE_URL: 'postgres://env/d' };
  expect(parseStartArguments([], { ...context, env }).databaseUrl).toBe('postgres://env/d');
  expect(parseStartArguments(['--database-url', 'postgres://flag/d'], { ...context, env }).databaseUrl).toBe('postgres://flag/d');
});

test.each([
  ['an unknown flag', ['--wat'], /--wat/],
  ['a positional argument', ['demo'], /demo/],
  ['a flag without its value', ['--data'], /--data/],
  ['a port that is no number', ['--api-port', '80x'], /--api-port/],
  ['a port out of range', ['--ui-port', '70000'], /--ui-port/],
  ['an address without port', ['--temporal-address', 'localhost'], /--temporal-address/],
  ['a database of another kind', ['--database-url', 'mysql://h/d'], /--database-url/],
  ['--once together with --no-demo', ['--once', '--no-demo'], /--once/],
])('%s is refused and named', (_what, flags, message) => {
  expect(() => parseStartArguments(flags, context)).toThrow(WrongArguments);
  expect(() => parseStartArguments(flags, context)).toThrow(message);
});

test('all complaints are told at once', () => {
  expect(() => parseStartArguments(['--api-port', '0', '--ui-port', 'x'], context)).toThrow(/--api-port[^]*--ui-port/);
});
