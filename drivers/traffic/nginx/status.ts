/** Asks the running workers what they go by: one request over a new connection, since a kept one would end at a worker of an older generation. */
import { request } from 'node:http';
import { BalancerDown } from '../port.ts';
import { parseServed, type ServedState } from './server-file.ts';

const ANSWER_MAX = 4 * 1024 * 1024;

/** Throws BalancerDown when nobody answers in time, or something else does; and the signal's reason. */
export async function askServed(url: string, timeoutMs: number, signal: AbortSignal): Promise<ServedState> {
  const served = parseServed(await textAt(url, timeoutMs, signal));
  if (served === null) throw new BalancerDown(`What answers at ${url} is not the state of nginx's upstream. Answer \`return 200 $signalbox_…;\` there, with the variable that stands in the include file.`);
  return served;
}

function textAt(url: string, timeoutMs: number, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    let text = '';
    const finish = (act: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      asked.destroy();
      act();
    };
    const down = (why: string): void => finish(() => reject(new BalancerDown(`nginx ${why} when it was asked at ${url}. Check that it runs and that this location is in its configuration.`)));
    const abort = (): void => finish(() => reject(signal.reason));
    const timer = setTimeout(() => down(`did not answer within ${timeoutMs} ms`), timeoutMs);
    const asked = request(url, { agent: false, headers: { connection: 'close' } }, (response) => {
      response.on('error', (cause) => down(`broke off (${cause.message})`));
      if (response.statusCode !== 200) return down(`answered ${response.statusCode}`);
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if (text.length > ANSWER_MAX) down(`answered more than ${ANSWER_MAX} characters`);
      });
      response.once('end', () => finish(() => resolve(text)));
    });
    // Destroying a request is told as an error once more; the promise is settled by then.
    asked.on('error', (cause) => down(`gave no answer (${cause.message})`));
    signal.addEventListener('abort', abort);
    asked.end();
  });
}
