import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Complaint } from '../../cli/complaint.ts';
import { isLocal, readSettings } from '../../cli/settings.ts';
import type { SettingFlags } from '../../cli/settings.ts';

let folder: string;
let bare: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-settings-'));
  bare = join(folder, 'bare');
  mkdirSync(join(folder, '.signalbox'));
  mkdirSync(join(bare, '.signalbox'), { recursive: true });
  writeFileSync(join(folder, 'signalbox.yaml'), 'url: http://127.0.0.1:8301\ntokenFile: ci-token\nstores: [https://packages.example/]\n');
  writeFileSync(join(folder, 'ci-token'), 'from-file\n');
  writeFileSync(join(folder, 'list.yaml'), '- a\n');
  writeFileSync(join(folder, 'number.yaml'), 'url: 7\n');
  writeFileSync(join(folder, 'empty.yaml'), '');
  writeFileSync(join(folder, '.signalbox', 'admin-token'), 'from-start\n');
  writeFileSync(join(bare, '.signalbox', 'admin-token'), 'from-start\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function settings(flags: SettingFlags, env: Record<string, string> = {}, cwd = folder): { url: string; token: string | null } {
  const { url, token } = readSettings(flags, { env, cwd, stdout: process.stdout, stderr: process.stderr, stdin: process.stdin, onInterrupt: () => () => undefined });
  return { url, token };
}

describe('where the server is', () => {
  test('a flag wins over the environment, that over signalbox.yaml, that over the default', () => {
    const env = { SIGNALBOX_URL: 'http://127.0.0.1:8302/' };
    expect(settings({ url: 'http://127.0.0.1:8303' }, env).url).toBe('http://127.0.0.1:8303');
    expect(settings({}, env).url).toBe('http://127.0.0.1:8302');
    expect(settings({}).url).toBe('http://127.0.0.1:8301');
    expect(settings({}, {}, bare).url).toBe('http://127.0.0.1:8300');
  });

  test.each(['ftp://x', '127.0.0.1:8300', 'not a url', ''])('"%s" as address is refused', (url) => {
    expect(() => settings({ url })).toThrow(Complaint);
  });

  test('a settings file that is no mapping, or has a url that is no text, is refused with its path', () => {
    expect(() => settings({ config: 'list.yaml' })).toThrow(/list\.yaml must be a mapping/);
    expect(() => settings({ config: 'number.yaml' })).toThrow(/number\.yaml: url must be text/);
    expect(() => settings({ config: 'missing.yaml' })).toThrow(/missing\.yaml cannot be read/);
    expect(settings({ config: 'empty.yaml' }).url).toBe('http://127.0.0.1:8300');
  });
});

describe('who we are', () => {
  test('flags win over the environment, that over signalbox.yaml, that over the token of start', () => {
    const env = { SIGNALBOX_TOKEN: 'from-env' };
    expect(settings({ token: 'from-flag' }, env).token).toBe('from-flag');
    expect(settings({ tokenFile: 'ci-token' }, env).token).toBe('from-file');
    expect(settings({}, env).token).toBe('from-env');
    expect(settings({}, { SIGNALBOX_TOKEN_FILE: join(folder, 'ci-token') }, bare).token).toBe('from-file');
    expect(settings({}).token).toBe('from-file');
    expect(settings({}, {}, bare).token).toBe('from-start');
  });

  test('the token that start left is given to loopback addresses only', () => {
    expect(settings({ url: 'http://localhost:8300' }, {}, bare).token).toBe('from-start');
    expect(settings({ url: 'http://[::1]:8300' }, {}, bare).token).toBe('from-start');
    expect(settings({ url: 'https://signalbox.example' }, {}, bare).token).toBeNull();
    expect(isLocal('http://127.0.0.1.evil.example')).toBe(false);
    expect(isLocal('http://localhost.evil.example')).toBe(false);
  });

  test('a token with a line break or a space is refused and not repeated in the message', () => {
    expect(() => settings({ token: 'sec ret' })).toThrow(/The token from --token is not a token/);
    expect(() => settings({}, { SIGNALBOX_TOKEN: 'se\ncret' })).not.toThrow(/cret/);
    expect(() => settings({ tokenFile: 'missing' })).toThrow(/token file .*missing.* cannot be read/);
  });
});
