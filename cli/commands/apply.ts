/** `signalbox apply -f FILE`: declarative documents, the difference first, then one transaction. */
import type { Command } from 'commander';
import { Complaint } from '../complaint.ts';
import { readDocuments } from '../documents.ts';
import { EXIT } from '../exit-codes.ts';
import { ProblemAnswer } from '../problem.ts';
import { diffLines, diffSummary } from '../render/diff.ts';
import type { AppliedDocument } from '../render/diff.ts';
import type { SourceDocument } from '../documents.ts';
import { remote } from '../shell.ts';
import type { RemoteFlags, Shell } from '../shell.ts';

interface ApplyFlags extends RemoteFlags {
  readonly file: readonly string[];
  readonly dryRun: boolean;
}

interface ApplyAnswer {
  readonly documents: readonly AppliedDocument[];
}

export function addApply(program: Command, shell: Shell): void {
  remote(
    program
      .command('apply')
      .helpGroup('Inventory:')
      .description('bring applications, hosts, pools, strategies and recipes to what the files say; shows the difference first')
      .requiredOption('-f, --file <file>', 'YAML or JSON, one or more documents; may be repeated; - reads standard input', (file: string, files: string[] = []) => [...files, file])
      .option('--dry-run', 'only show the difference', false),
  ).action(shell.run((flags: ApplyFlags) => apply(flags, shell)));
}

/** All documents of all files go in one request: the server checks and stores them together or not at all. */
async function apply(flags: ApplyFlags, shell: Shell): Promise<void> {
  const documents = await readDocuments(flags.file, shell.surroundings);
  const client = shell.client(flags);
  const body = { documents: documents.map((document) => document.value) };
  try {
    const { body: planned } = await client.request<ApplyAnswer>('POST', '/v1/apply?dryRun=true', { body });
    shell.say(...diffLines(planned.documents, shell.color(flags)));
    if (flags.dryRun) return shell.say(`dry run: ${diffSummary(planned.documents)}; nothing was stored`);
    const { body: applied } = await client.request<ApplyAnswer>('POST', '/v1/apply', { body });
    shell.say(diffSummary(applied.documents));
  } catch (error) {
    throw error instanceof ProblemAnswer ? withPlaces(error, documents) : error;
  }
}

/** The server points into the request; people need the file and the document in it. */
function withPlaces(error: ProblemAnswer, documents: readonly SourceDocument[]): Complaint {
  if (error.exitCode !== EXIT.usage) return error;
  const details = error.details.map((detail) => {
    const [, index, rest = ''] = /^\/documents\/(\d+)(.*)$/s.exec(detail) ?? [];
    const document = index === undefined ? undefined : documents[Number(index)];
    return document === undefined ? detail : `${document.place} ${rest}`;
  });
  return new Complaint(error.exitCode, error.message, details);
}
