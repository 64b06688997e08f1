import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { substitute, variablesOf } from '../../domain/substitution.ts';

describe('substitution', () => {
  const variables = { port: '8080', 'host.name': 'web-01', empty: '', braces: '${port}', dollar: '$&$1' };

  test.each([
    { text: '-port=${port}', expected: '-port=8080' },
    { text: '${host.name}:${port}', expected: 'web-01:8080' },
    { text: '${port}${port}', expected: '80808080' },
    { text: 'nothing to do', expected: 'nothing to do' },
    { text: '', expected: '' },
    { text: '[${empty}]', expected: '[]' },
    { text: '$port {port} $$ $', expected: '$port {port} $$ $' },
    { text: '$${port}', expected: '${port}' },
    { text: '$$${port}', expected: '$${port}' },
    { text: '$${port} ${port}', expected: '${port} 8080' },
    { text: '$${unknown}', expected: '${unknown}' },
    { text: '${dollar}', expected: '$&$1' },
    { text: '${port}}', expected: '8080}' },
    { text: 'a\n${port}\nb', expected: 'a\n8080\nb' },
  ])('$text becomes $expected', ({ text, expected }) => {
    expect(substitute(text, variables)).toEqual({ text: expected });
  });

  test('a value is never substituted again', () => {
    expect(substitute('${braces}', variables)).toEqual({ text: '${port}' });
  });

  test('undefined names are listed once each, in the order of the text', () => {
    expect(substitute('${b} ${a} ${port} ${b}', variables)).toEqual({ undefined: ['b', 'a'] });
  });

  test.each([
    { text: '${}', missing: [''] },
    { text: '${ port }', missing: [' port '] },
    { text: '${PORT}', missing: ['PORT'] },
    { text: '${constructor}', missing: ['constructor'] },
    { text: '${__proto__}', missing: ['__proto__'] },
    { text: '${toString}', missing: ['toString'] },
    { text: 'x ${port', missing: ['${port'] },
    { text: '${', missing: ['${'] },
    { text: '${a\nb', missing: ['${a\nb'] },
    { text: '${a\nb}', missing: ['a\nb'] },
    { text: '${${port}}', missing: ['${port'] },
  ])('$text has no value', ({ text, missing }) => {
    expect(substitute(text, variables)).toEqual({ undefined: missing });
  });

  test('escaped text comes back as it was written', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', '${', '}', 'port', ' ')), (pieces) => {
        const escaped = pieces.map((piece) => (piece === '${' ? '$${' : piece)).join('');
        expect(substitute(escaped, variables)).toEqual({ text: pieces.join('') });
      }),
    );
  });

  test('text without a dollar sign is never changed', () => {
    fc.assert(
      fc.property(fc.string().filter((text) => !text.includes('$')), (text) => {
        expect(substitute(text, variables)).toEqual({ text });
      }),
    );
  });
});

describe('variables of a target', () => {
  const sources = {
    application: { variables: { a: 'application', b: 'application', c: 'application' } },
    pool: { name: 'web-prod', variables: { b: 'pool', c: 'pool' } },
    host: { name: 'web-01', address: '10.0.0.1', zone: 'idc-a', variables: { c: 'host' } },
    environment: 'prod',
    version: '2.0.0',
  };

  test('host wins over pool, pool over application, all over the built-in ones', () => {
    expect(variablesOf(sources)).toEqual({
      'host.name': 'web-01',
      'host.address': '10.0.0.1',
      'host.zone': 'idc-a',
      'pool.name': 'web-prod',
      environment: 'prod',
      version: '2.0.0',
      a: 'application',
      b: 'pool',
      c: 'host',
    });
    const own = { version: 'own', environment: 'own', 'host.name': 'own', 'host.address': 'own', 'host.zone': 'own', 'pool.name': 'own' };
    expect(variablesOf({ ...sources, application: { variables: own }, pool: { name: 'web-prod' }, host: { ...sources.host, variables: {} } })).toEqual(own);
  });

  test('without a version or a pool their variables are undefined, not empty', () => {
    const { pool: _, ...poolless } = sources;
    const variables = variablesOf({ ...poolless, version: null });
    expect(Object.keys(variables).sort()).toEqual(['a', 'b', 'c', 'environment', 'host.address', 'host.name', 'host.zone']);
    expect(substitute('${version} ${pool.name}', variables)).toEqual({ undefined: ['version', 'pool.name'] });
  });
});
