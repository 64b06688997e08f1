import { Readable, Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../../cli/program.ts';
import { Shell } from '../../cli/shell.ts';
import { read, shownCalls } from './pages.ts';
import type { Command } from 'commander';

const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
const program = createProgram(new Shell({ env: {}, cwd: '/', stdout: nowhere, stderr: nowhere, stdin: Readable.from([]), onInterrupt: () => () => undefined }));

/** null when the command line would understand the call, else what it would not. Nothing is run. */
function misunderstood(words: readonly string[]): string | null {
  let command: Command = program;
  let rest = words;
  for (let next = find(command, rest[0]); next !== undefined; next = find(command, rest[0])) {
    command = next;
    rest = rest.slice(1);
  }
  if (command === program) return words[0] === '--help' || words[0] === '--version' ? null : `no command ${words[0]}`;
  if (command.commands.length > 0) return `${command.name()} needs a command of its own, not ${rest[0]}`;
  const { operands, unknown } = command.parseOptions([...rest]);
  if (unknown.length > 0) return `${command.name()} has no option ${unknown[0]}`;
  const needed = command.registeredArguments.filter(({ required }) => required).length;
  return operands.length < needed ? `${command.name()} needs ${needed} words, not ${operands.length}` : null;
}

function find(command: Command, name: string | undefined): Command | undefined {
  return command.commands.find((one) => one.name() === name);
}

describe('commands shown to readers', () => {
  test.each(['README.md', 'examples/ci/github-actions.yml', 'examples/ci/gitlab-ci.yml', 'examples/ci/Jenkinsfile'])('every command in %s is one the command line knows', (path) => {
    const calls = shownCalls(read(path));
    expect(calls.length).toBeGreaterThan(1);
    expect(calls.map(misunderstood).filter((complaint) => complaint !== null)).toEqual([]);
  });

  test('a call with an unknown command, option or too few words would be noticed', () => {
    expect(misunderstood(['relase', 'web'])).toBe('no command relase');
    expect(misunderstood(['release', 'web', 'a=1', '--frobnicate'])).toBe('release has no option --frobnicate');
    expect(misunderstood(['package', 'add', 'web'])).toBe('add needs 3 words, not 1');
    expect(misunderstood(['token', 'burn'])).toBe('token needs a command of its own, not burn');
  });

  test('every npm script in README is in the manifest', () => {
    const scripts = Object.keys((JSON.parse(read('package.json').text) as { scripts: Record<string, string> }).scripts);
    const shown = [...read('README.md').text.matchAll(/^npm (?:run )?([a-z:]+)/gm)].map(([, name]) => name);
    expect(shown).toEqual(expect.arrayContaining(['start', 'test']));
    expect(shown.filter((name) => !scripts.includes(name ?? ''))).toEqual([]);
  });
});
