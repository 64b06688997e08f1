/** On GitHub Actions a failed release also becomes an annotation, and every outcome a paragraph of the job's summary. */
import { appendFileSync } from 'node:fs';
import type { Release } from './release.ts';
import { outcomeLines } from './render/outcome.ts';
import type { Shell } from './shell.ts';

/** Does nothing elsewhere. A summary file that cannot be written is noted, never a failure of the release. */
export function reportToGitHub(shell: Shell, release: Release): void {
  const { env } = shell.surroundings;
  if (env['GITHUB_ACTIONS'] !== 'true') return;
  const lines = outcomeLines(release, false);
  if (release.status !== 'succeeded') shell.say(`::error title=Signalbox::${escapeCommand(lines.slice(0, 4).join('\n'))}`);
  const summary = env['GITHUB_STEP_SUMMARY'];
  if (summary === undefined || summary === '') return;
  try {
    appendFileSync(summary, `### Release ${release.id}: ${release.status}\n\n~~~~text\n${lines.join('\n').replaceAll('~~~~', '~ ~ ~ ~')}\n~~~~\n`);
  } catch (error) {
    shell.note(`The job summary ${summary} could not be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The escapes of GitHub's workflow commands: without them a message could end the command and begin another. */
function escapeCommand(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
