/** What Temporal was told of a release, read from its own history. */
import { releaseWorkflowId } from '../../workflows/messages.ts';
import type { Client, WorkflowHandle } from '@temporalio/client';

export function workflowOf(client: Client, release: string): WorkflowHandle {
  return client.workflow.getHandle(releaseWorkflowId(release));
}

/** Signals in the order they came, as `name` or `name argument`. */
export async function signalsOf(client: Client, release: string): Promise<readonly string[]> {
  const { events } = await workflowOf(client, release).fetchHistory();
  return (events ?? []).flatMap(({ workflowExecutionSignaledEventAttributes: signalled }) => {
    if (!signalled) return [];
    const words = (signalled.input?.payloads ?? []).map(({ data }) => JSON.parse(Buffer.from(data ?? []).toString()) as string);
    return [[signalled.signalName ?? '', ...words].join(' ')];
  });
}
