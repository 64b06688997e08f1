import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { isAddress, isHop, isLogin, isName, isPlainPath, isSafePath, isServerName, isVersion, NAME } from '../../domain/names.ts';

const HOSTILE = [
  ';id',
  'web;id',
  'web\nset server web/web-01 state ready',
  'web\n',
  '\nweb',
  'web\r',
  '$(id)',
  'web$(id)',
  '`id`',
  '../',
  '../../etc/passwd',
  'a..b',
  '..',
  '-oProxyCommand=id',
  '--help',
  '-',
  '',
  ' ',
  'web 01',
  'web|id',
  'web&',
  'web>x',
  "we'b",
  'we"b',
  'web\\',
  'web\0',
  'web\u0007',
  'web\u202e',
  'wéb',
  'web%0a',
  'web#',
  'web*',
  'web?',
  '${host.name}',
];

describe('hostile words', () => {
  test.each(HOSTILE)('%j is no name, no version, no address and no server', (text) => {
    expect(isName(text)).toBe(false);
    expect(isVersion(text)).toBe(false);
    expect(isAddress(text)).toBe(false);
    expect(isServerName(text)).toBe(false);
  });

  test.each(HOSTILE)('%j is no login, no hop and no part of a plain path', (text) => {
    expect(isLogin(text)).toBe(false);
    expect(isHop(text)).toBe(false);
    expect(isHop(`${text}@gate`)).toBe(false);
    expect(isHop(`gate:${text}`)).toBe(false);
    expect(isPlainPath(text)).toBe(false);
    if (/[^a-zA-Z0-9-]/.test(text)) expect(isPlainPath(`/srv/${text}`)).toBe(false);
  });

  test('no accepted path, login or hop holds a byte that a shell or ssh would read', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom('a', '/', '.', '-', ':', '@', ';', '\n', '[', ']', '%', ' ') })), (text) => {
        if (isPlainPath(text)) expect(text).toMatch(/^\/[A-Za-z0-9._@+/-]+$/);
        if (isLogin(text)) expect(text).toMatch(/^(?!-)[A-Za-z0-9._-]+$/);
        if (isHop(text)) expect(text).toMatch(/^(?!-)[A-Za-z0-9._@:[\]-]+$/);
      }),
      { numRuns: 2000 },
    );
  });

  test('no accepted word holds anything but letters, digits and . _ + : -, nor begins like an option', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom('a', '0', '.', '-', ':', ';', '\n', '_', 'Z') })), (text) => {
        for (const accepts of [isName, isVersion, isAddress, isServerName]) {
          if (accepts(text)) expect(text).toMatch(/^(?!-)[A-Za-z0-9._+:-]+$/);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('names', () => {
  test.each(['a', '1', 'web-01', 'web.shop', 'a_b', 'idc-a', 'a-b.c_d', 'x'.repeat(63)])('%s is a name', (text) => {
    expect(isName(text)).toBe(true);
    expect(NAME.test(text)).toBe(true);
  });

  test.each(['Web', '-a', 'a-', '.a', 'a.', '_a', 'a_', 'a+b', 'a:b', 'a/b', 'x'.repeat(64)])('%s is no name', (text) => {
    expect(isName(text)).toBe(false);
  });
});

describe('versions', () => {
  test.each(['1', '1.2.3', '2024-05-01.3', '1.0.0+build.7', 'V2_rc', 'x'.repeat(128)])('%s is a version', (text) => {
    expect(isVersion(text)).toBe(true);
  });

  test.each(['.1', '-1', '+1', '_1', '1..2', '1/2', '1:2', '1@2', 'x'.repeat(129)])('%s is no version', (text) => {
    expect(isVersion(text)).toBe(false);
  });
});

describe('addresses', () => {
  const label = 'l'.repeat(63);

  test.each([
    'localhost',
    'web-01',
    'web.shop1',
    'web-01.shop.example',
    'WEB',
    'a',
    '1a',
    'a1.2b',
    label,
    `${label}.${label}.${label}.${'l'.repeat(61)}`,
    '127.0.0.1',
    '0.0.0.0',
    '255.255.255.255',
    '10.20.30.40',
    '::',
    '::1',
    '1::',
    'fe80::1',
    '2001:db8::8a2e:370:7334',
    '2001:DB8:0:0:0:0:0:1',
    '1:2:3:4:5:6:7::',
    '::2:3:4:5:6:7:8',
    '1:2:3::6:7:8',
    '::ffff:192.0.2.1',
    '64:ff9b::192.0.2.33',
    '1:2:3:4:5:6:192.0.2.1',
  ])('%s is an address', (text) => {
    expect(isAddress(text)).toBe(true);
  });

  test.each([
    'web_01',
    'web-',
    '-web',
    'web.',
    '.web',
    'web..shop',
    'web.-shop',
    'web.shop-',
    `${label}l`,
    `${label}.${label}.${label}.${'l'.repeat(62)}`,
    '1',
    '123.456',
    'web.1',
    '256.0.0.1',
    '1.256.0.1',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.1000',
    '1.2.3.-4',
    '0x7f.0.0.1',
    ':',
    ':::',
    '1::2::3',
    '1:2:3::4:5:6::7:8',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '1::3:4:5:6:7:8:9',
    '12345::',
    'g::1',
    ':1::2',
    '::2:',
    '1:2:3:4:5:6:7:192.0.2.1',
    '1:2:3:4:5:192.0.2.1',
    '192.0.2.1::1',
    '192.0.2.1::',
    '::192.0.2.256',
    '::192.0.2.1:1',
    '[::1]',
    'fe80::1%eth0',
    '127.0.0.1:80',
    'web:80',
    'user@web',
  ])('%s is no address', (text) => {
    expect(isAddress(text)).toBe(false);
  });

  test('every octet from 0 to 255 is accepted, none beyond', () => {
    fc.assert(
      fc.property(fc.nat({ max: 999 }), fc.nat({ max: 3 }), (octet, place) => {
        const octets = ['1', '2', '3', '4'];
        octets[place] = String(octet);
        expect(isAddress(octets.join('.'))).toBe(octet <= 255);
      }),
    );
  });

  test('generated IPv6 addresses are accepted', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        expect(isAddress(text)).toBe(true);
      }),
    );
  });

  test('generated IPv4 addresses are accepted', () => {
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        expect(isAddress(text)).toBe(true);
      }),
    );
  });
});

describe('server names', () => {
  test.each(['web-01', 'WEB_01', 'web.01:8080', '_a', '.a', ':a', 'a-', 's'.repeat(64)])('%s is a server', (text) => {
    expect(isServerName(text)).toBe(true);
  });

  test.each(['-a', 'a/b', 'a+b', 's'.repeat(65)])('%s is no server', (text) => {
    expect(isServerName(text)).toBe(false);
  });
});

describe('paths', () => {
  test.each(['/', '/srv/signalbox/web-01', '/run/haproxy.sock', '/a b', '/höst', `/${'p'.repeat(1023)}`])('%s is safe', (text) => {
    expect(isSafePath(text)).toBe(true);
  });

  test.each([
    '',
    'srv',
    './srv',
    '~/srv',
    '-/srv',
    '../srv',
    '/srv/../etc',
    '/srv/..',
    '/..',
    '/srv\n',
    '/srv\0',
    '/srv\u007f',
    '/srv\u0085',
    '/srv\u2028',
    '/srv\u2029',
    '/srv\ud800',
    `/${'p'.repeat(1024)}`,
  ])('%j is not safe', (text) => {
    expect(isSafePath(text)).toBe(false);
  });
});

describe('plain paths, logins and hops', () => {
  test.each(['/srv', '/srv/signalbox', '/home/a.b/.ssh/id_ed25519', '/a/x@y+z'])('%s is a plain path', (text) => {
    expect(isPlainPath(text)).toBe(true);
  });

  test.each(['/', '//', '/srv/', 'srv', '/a//b', '/a/../b', '/a,b', '/~/x', `/${'x'.repeat(1024)}`])('%s is no plain path', (text) => {
    expect(isPlainPath(text)).toBe(false);
  });

  test.each(['gate', 'ops@gate', 'gate:22', 'ops@10.0.0.1:2222', '[2001:db8::1]', 'ops@[::1]:22'])('%s is a hop', (text) => {
    expect(isHop(text)).toBe(true);
  });

  test.each(['@gate', 'a@b@c', 'gate:', 'gate:0', 'gate:65536', '::1', '[gate]', '[::1', 'gate,gate', 'ssh://gate', 'gate/x'])('%s is no hop', (text) => {
    expect(isHop(text)).toBe(false);
  });
});
