/** The agent program as a text: what a checker of shell programs says of it. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { AGENT_PROGRAM } from './real-agent.ts';

test('a checker of POSIX shell programs finds nothing to say about the agent', () => {
  expect(execFileSync('shellcheck', ['--shell=sh', '--severity=style', AGENT_PROGRAM], { encoding: 'utf8' })).toBe('');
});
