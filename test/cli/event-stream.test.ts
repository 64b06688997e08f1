import { describe, expect, test } from 'vitest';
import { readMessages } from '../../cli/event-stream.ts';
import type { Message } from '../../cli/event-stream.ts';

async function read(...chunks: readonly Uint8Array[]): Promise<Message[]> {
  const messages: Message[] = [];
  const bytes = async function* (): AsyncGenerator<Uint8Array> {
    yield* chunks;
  };
  for await (const message of readMessages(bytes(), () => undefined)) messages.push(message);
  return messages;
}

const TEXT = ': comment\r\n\r\nid: 7\nevent: paused\ndata: {"a":"é"}\n\ndata: one\ndata:two\n\nretry: 100\n\nid: 9\ndata: cut off';

describe('server-sent events', () => {
  test('messages are the same however the bytes are cut', async () => {
    const bytes = new TextEncoder().encode(TEXT);
    const whole = await read(bytes);
    expect(whole).toEqual([
      { id: '7', event: 'paused', data: '{"a":"é"}' },
      { id: '7', event: 'message', data: 'one\ntwo' },
    ]);
    for (let size = 1; size < 9; size += 1) {
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
      expect(await read(...chunks)).toEqual(whole);
    }
  });

  test('a carriage return at the end of a chunk is not taken for a line of its own', async () => {
    const encoder = new TextEncoder();
    expect(await read(encoder.encode('data: a\r'), encoder.encode('\ndata: b\r\n\r\n'))).toEqual([{ id: '', event: 'message', data: 'a\nb' }]);
  });
});
