import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { changeServerFile, markerVariable, parseServed, parseServerFile, stateText, UnreadableFile } from '../../../../drivers/traffic/nginx/server-file.ts';

const name = fc.stringMatching(/^[a-z][a-z0-9]{0,12}-[0-9]{1,4}$/);
const setting = fc.record({ isDown: fc.boolean(), weight: fc.integer({ min: 1, max: 65_535 }) });
const servers = fc.uniqueArray(fc.record({ name, setting, others: fc.constantFrom('', ' max_fails=0', ' max_fails=3 fail_timeout=10s', ' backup') }), { minLength: 1, maxLength: 120, selector: (one) => one.name });

const fileOf = (list: readonly { readonly name: string; readonly others: string }[]) => `# head\nupstream shop.web {\n  least_conn;\n${list.map((one, index) => `  server 10.0.0.${index}:8080${one.others}; # ${one.name} note`).join('\n')}\n}\nmap "" $signalbox_shop_web { default ""; }\n`;
/** What nginx would answer: the last map, with the others in the place of their variables. */
const answerOf = (text: string): string => {
  const maps = new Map([...text.matchAll(/^map "" \$(\w+) \{ default "(.*)"; \}$/gm)].map(([, variable = '', value = '']) => [variable, value]));
  return (maps.get('signalbox_shop_web') ?? '').replace(/\$\{(\w+)\}/g, (_text, variable: string) => maps.get(variable) ?? '');
};

describe('the include file of an upstream', () => {
  test('says after a change exactly what was asked, to whoever reads it and to whoever asks the workers', () => {
    fc.assert(fc.property(servers, fc.integer({ min: 1, max: 1e9 }), (list, generation) => {
      const text = changeServerFile(fileOf(list), new Map(list.map((one) => [one.name, one.setting])), generation);
      const read = parseServerFile(text);
      const served = parseServed(answerOf(text));
      expect([read.generation, read.upstream, served?.generation, served?.text]).toEqual([generation, 'shop.web', generation, stateText(read)]);
      for (const one of list) {
        expect(read.servers.get(one.name)).toMatchObject(one.setting);
        expect(served?.servers.get(one.name)).toEqual(one.setting);
      }
    }));
  });

  test('keeps every line of others through any number of changes, and no text that nginx would refuse for its length', () => {
    fc.assert(fc.property(servers, (list) => {
      const settings = new Map(list.map((one) => [one.name, one.setting]));
      const once = changeServerFile(fileOf(list), settings, 7);
      const again = changeServerFile(changeServerFile(once, new Map([...settings].map(([key, value]) => [key, { ...value, isDown: !value.isDown }])), 8), settings, 7);
      expect(again).toBe(once);
      expect(once.startsWith('# head\nupstream shop.web {\n  least_conn;\n')).toBe(true);
      for (const one of list) expect(once).toMatch(new RegExp(`server 10\\.0\\.0\\.\\d+:8080${one.others}( weight=\\d+)?( down)?; # ${one.name} note\n`));
      for (const line of once.split('\n')) expect(line.length).toBeLessThan(4_000);
    }));
  });

  test('of servers without a comment knows them by their address', () => {
    const text = 'upstream web {\n server 10.0.0.1:80 down weight=3;\n server app-2.shop.example:81;\n}\n';
    expect([...parseServerFile(text).servers.values()]).toEqual([
      { name: '10.0.0.1:80', address: '10.0.0.1:80', isDown: true, weight: 3 },
      { name: 'app-2.shop.example:81', address: 'app-2.shop.example:81', isDown: false, weight: 1 },
    ]);
    expect(changeServerFile(text, new Map([['10.0.0.1:80', { isDown: false, weight: 1 }]]), 1)).toContain(' server 10.0.0.1:80;\n');
  });

  test('with a server block, a server over two lines, or one whose text nginx would read otherwise is not guessed at', () => {
    for (const line of ['server { listen 80; }', 'server 10.0.0.1:80', 'server 10.0.0.1:80 weight=2 # web-01;', 'server "10.0.0.1:80";', 'server $name;', 'server 10.0.0.1:80; server 10.0.0.2:80;']) {
      expect(() => parseServerFile(`upstream web {\n${line}\n}\n`)).toThrow(UnreadableFile);
    }
  });
});

describe('the answer of the workers', () => {
  test('is empty before the first change, and anything but such an answer is none', () => {
    expect(parseServed('')).toEqual({ text: '', generation: 0, servers: new Map() });
    for (const text of ['hello', '1 web-01', '1 web-01=up:1', '<html></html>', '1 web-01=drain:', '-1', '1.5']) expect(parseServed(text)).toBeNull();
  });

  test('stands in a variable that any name of an upstream gives', () => {
    expect([markerVariable('web'), markerVariable('shop.web-2')]).toEqual(['signalbox_web', 'signalbox_shop_web_2']);
  });
});
