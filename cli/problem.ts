/** RFC 9457 problem documents, turned into complaints a person can act on. */
import { Complaint } from './complaint.ts';
import { EXIT, exitOfHttpStatus } from './exit-codes.ts';

/** What the server says of a request it did not fulfil; only `status` can be relied on. */
export interface Problem {
  readonly type?: string;
  readonly title?: string;
  readonly status: number;
  readonly detail?: string;
  readonly errors?: readonly { readonly pointer?: string; readonly detail?: string; readonly message?: string }[];
  readonly allowedCommands?: readonly string[];
  readonly allowed?: readonly string[];
  readonly next?: string;
  readonly differences?: readonly { readonly sentence?: string }[];
}

/** An HTTP answer that is not a success, as a Complaint with the exit code of its status. */
export class ProblemAnswer extends Complaint {
  readonly problem: Problem;

  constructor(problem: Problem, request: string) {
    super(exitOfHttpStatus(problem.status), headline(problem, request), detailLines(problem));
    this.name = 'ProblemAnswer';
    this.problem = problem;
  }
}

/** Reads the body of an answer; one that is no problem document (a proxy's page) keeps its status and nothing else. */
export function readProblem(status: number, body: string): Problem {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value, status };
  } catch {
    // not JSON: something between us and the server answered
  }
  return { status };
}

function headline(problem: Problem, request: string): string {
  const said = problem.detail ?? problem.title;
  if (exitOfHttpStatus(problem.status) === EXIT.auth) {
    return `${said ?? (problem.status === 401 ? 'The server wants a valid token.' : 'This token may not do that.')} (${request} answered ${problem.status})`;
  }
  return said ?? `${request} answered ${problem.status} without saying why. Is this the address of a Signalbox server?`;
}

function detailLines(problem: Problem): string[] {
  const lines = (problem.errors ?? []).map((error) => `${error.pointer ?? ''}: ${error.detail ?? error.message ?? ''}`.replace(/^: /, ''));
  lines.push(...(problem.differences ?? []).flatMap(({ sentence }) => sentence ?? []));
  const allowed = problem.allowedCommands ?? problem.allowed;
  if (allowed !== undefined && !/allowed now:/i.test(problem.detail ?? '')) lines.push(`allowed now: ${allowed.length === 0 ? 'nothing' : allowed.join(', ')}`);
  if (problem.next !== undefined) lines.push(problem.next);
  if (problem.status === 401) lines.push('Give a token: --token-file, SIGNALBOX_TOKEN, or token / tokenFile in signalbox.yaml.');
  return lines;
}
