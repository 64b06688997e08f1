/** Server-sent events, as the HTML standard frames them: lines, a blank line ends one message, lines that begin with `:` are comments. */

export interface Message {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/**
 * Reads messages from the bytes of one answer until it ends. A message cut off by the end of the stream is dropped, as the standard
 * wants: it comes again after the reconnect. Calls `onBytes` for everything that arrives, comments included.
 */
export async function* readMessages(bytes: AsyncIterable<Uint8Array>, onBytes: () => void): AsyncGenerator<Message> {
  const decoder = new TextDecoder();
  let rest = '';
  let fields = { id: '', event: '', data: [] as string[] };
  for await (const chunk of bytes) {
    onBytes();
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line !== '') {
        readField(line, fields);
        continue;
      }
      if (fields.data.length > 0) yield { id: fields.id, event: fields.event || 'message', data: fields.data.join('\n') };
      fields = { id: fields.id, event: '', data: [] };
    }
  }
}

function readField(line: string, fields: { id: string; event: string; data: string[] }): void {
  const colon = line.indexOf(':');
  const name = colon === -1 ? line : line.slice(0, colon);
  const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
  if (name === 'data') fields.data.push(value);
  else if (name === 'event') fields.event = value;
  else if (name === 'id') fields.id = value;
}
