import { expect, test } from 'vitest';
import { checkPackageUri } from '../../api/package-uri.ts';

const config = { stores: ['https://packages.example/signed', 'file:///srv/packages/'], publicUrl: 'http://127.0.0.1:8300' };
const accepts = (uri: string): boolean => 'uri' in checkPackageUri(uri, config);

test('packages below a store, and files kept by the API itself, are accepted in normal form', () => {
  for (const uri of ['https://packages.example/signed/web-1.tar.gz', 'https://packages.example/signed/a/web.zip?v=1', 'file:///srv/packages/web.tgz', 'http://127.0.0.1:8300/v1/package-files/x/y.tar.gz']) expect(accepts(uri)).toBe(true);
  expect(checkPackageUri('HTTPS://PACKAGES.example:443/signed/web.zip', config)).toEqual({ uri: 'https://packages.example/signed/web.zip' });
});

test('addresses that only look like a store, or leave it, are refused', () => {
  for (const uri of [
    'https://packages.example.evil.example/signed/web.zip', 'https://packages.example/signed-not/web.zip', 'https://packages.example@evil.example/signed/web.zip', 'https://user:secret@packages.example/signed/web.zip',
    'https://packages.example/signed/../other/web.zip', 'https://packages.example/signed/%2e%2e/other/web.zip', 'https://packages.example/signed/..%2fother/web.zip', 'https://packages.example/signed/.%2E/other/web.zip',
    'https://packages.example\\signed\\web.zip', 'http://packages.example/signed/web.zip', 'https://packages.example:8443/signed/web.zip', 'file:///etc/passwd', 'file:///srv/packages/../../etc/x.zip', 'file://elsewhere/srv/packages/web.zip',
    'http://127.0.0.1:8301/v1/package-files/x/y.zip', 'http://169.254.169.254/latest/web.zip', 'http://[::ffff:7f00:1]:8300/v1/package-files/x/y.zip', 'gopher://packages.example/signed/web.zip', 'javascript:web.zip', 'web.zip', '//packages.example/signed/web.zip',
    'https://packages.example/signed/web.zip#x', 'https://packages.example/signed/web.exe', 'https://packages.example/signed/web.zip?x=%00', '',
  ]) expect(accepts(uri), uri).toBe(false);
});
