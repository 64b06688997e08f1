import { expect, test } from 'vitest';
import { packageStoreFor } from '../../../drivers/packages/factory.ts';
import { checkStorePrefix, PackageRefused } from '../../../drivers/packages/store-prefix.ts';

const STORES = ['https://packages.example.com/releases', 'http://127.0.0.1:8300/v1/package-files/', 'file:///srv/packages'];

test('addresses under a configured store are fine, however host and port are spelled', () => {
  const fine = [
    'https://packages.example.com/releases/web/web-1.0.0.tar.gz',
    'HTTPS://Packages.Example.COM:443/releases/web-1.0.0+build.7.zip',
    'http://127.0.0.1:8300/v1/package-files/abc/key',
    'http://2130706433:8300/v1/package-files/abc',
    'file:///srv/packages/web%20app.tar.gz',
  ];
  for (const uri of fine) expect([uri, checkStorePrefix(uri, STORES)]).toEqual([uri, null]);
});

test('addresses outside every store are refused, near misses too', () => {
  const outside = [
    'https://packages.example.com/releases-evil/web.tar.gz',
    'https://packages.example.com/other/web.tar.gz',
    'http://packages.example.com/releases/web.tar.gz',
    'https://packages.example.com:8443/releases/web.tar.gz',
    'https://packages.example.com.evil.org/releases/web.tar.gz',
    'http://127.0.0.1:8301/v1/package-files/abc',
    'http://127.0.0.2:8300/v1/package-files/abc',
    'http://localhost:8300/v1/package-files/abc',
    'http://[::1]:8300/v1/package-files/abc',
    'http://[::ffff:127.0.0.1]:8300/v1/package-files/abc',
    'http://169.254.169.254/latest/meta-data',
    'http://10.0.0.5/releases/web.tar.gz',
    'file:///srv/packages-evil/web.tar.gz',
    'file:///etc/passwd',
    'ftp://packages.example.com/releases/web.tar.gz',
    'javascript:alert(1)',
  ];
  for (const uri of outside) expect([uri, checkStorePrefix(uri, STORES)]).toEqual([uri, expect.stringContaining('does not lie under a configured package store')]);
});

test('a private address is fine only where that very address is listed', () => {
  expect(checkStorePrefix('http://10.0.0.5/releases/web.tar.gz', ['http://10.0.0.5/releases'])).toBeNull();
  expect(checkStorePrefix('http://10.0.0.6/releases/web.tar.gz', ['http://10.0.0.5/releases'])).not.toBeNull();
});

test('spellings that hide where they lead are refused before they are normalised', () => {
  const hidden = [
    'https://packages.example.com/releases/../secret.tar.gz',
    'https://packages.example.com/releases/./web.tar.gz',
    'https://packages.example.com/releases/%2e%2e/secret.tar.gz',
    'https://packages.example.com/releases/%2E./secret.tar.gz',
    'https://packages.example.com/releases/..%2fsecret.tar.gz',
    'https://packages.example.com/releases/a%5c..%5cb.tar.gz',
    'https://packages.example.com/releases\\..\\secret.tar.gz',
    'https://packages.example.com/releases/web.tar.gz\n',
    'https://packages.example.com/releases/a b.tar.gz',
    'https://packages.example.com/releases/a%00.tar.gz',
    'https://packages.example.com/releases/a%0a.tar.gz',
    'file:///srv/packages/../../etc/passwd',
  ];
  for (const uri of hidden) expect([uri, checkStorePrefix(uri, STORES)]).toEqual([uri, expect.stringMatching(/plain path|percent-encode what belongs/)]);
});

test('credentials, queries and fragments are refused, since they would be logged', () => {
  for (const uri of ['https://me:secret@packages.example.com/releases/web.tar.gz', 'https://me@packages.example.com/releases/web.tar.gz', 'https://packages.example.com/releases/web.tar.gz?token=x', 'https://packages.example.com/releases/web.tar.gz#x']) {
    const complaint = checkStorePrefix(uri, STORES);
    expect(complaint).toContain('events and logs');
    expect(complaint).not.toContain('secret');
  }
});

test('folders, hosts in file addresses, relative and overlong addresses are refused', () => {
  for (const uri of ['https://packages.example.com/releases/', 'file://server/srv/packages/web.tar.gz', 'releases/web.tar.gz', '', `https://packages.example.com/releases/${'a'.repeat(2_100)}`]) {
    expect([uri, checkStorePrefix(uri, STORES)]).toEqual([uri, expect.any(String)]);
  }
});

test('without any store nothing is allowed, and the complaint says so', () => {
  expect(checkStorePrefix('https://packages.example.com/releases/web.tar.gz', [])).toContain('no store is configured');
  expect(checkStorePrefix('https://packages.example.com/releases/web.tar.gz', ['not a uri'])).not.toBeNull();
});

test('the factory gives the driver of the scheme and refuses a listed scheme that no driver serves', () => {
  expect(packageStoreFor(STORES, 'file:///srv/packages/web.tar.gz').driver).toBe('file');
  expect(packageStoreFor(STORES, 'https://packages.example.com/releases/web.tar.gz').driver).toBe('http');
  expect(() => packageStoreFor(['s3://bucket/releases'], 's3://bucket/releases/web.tar.gz')).toThrow(PackageRefused);
  expect(() => packageStoreFor(['s3://bucket/releases'], 's3://bucket/releases/web.tar.gz')).toThrow('not available yet');
});
