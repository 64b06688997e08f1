/** Health over HTTP, probed from the host itself: the host program asks the application, the verdict is made here. */
import { judgeHttp } from '../../domain/health/http.ts';
import { judgeListener } from '../../domain/health/listener.ts';
import { asText, verifyBy } from './probing.ts';
import { listenerOf, portQuestion } from './port-question.ts';
import type { HttpProbe, Variables } from '../../domain/inventory.ts';
import type { HostInput } from '../executors/port.ts';
import type { Health, HealthCall } from './port.ts';
import type { Asker } from './probing.ts';

/** One probe per call of the executor's `verify`. Holds nothing between calls. */
export function createHttpHealth(): Health {
  return {
    kind: 'http',
    verify(call) {
      const { check } = call;
      if (!('http' in check)) throw new TypeError(`${call.place} is no check over HTTP`);
      return verifyBy(httpAsker(call, check.http), call);
    },
  };
}

function httpAsker({ host, expectedVersion }: HealthCall, http: HttpProbe): Asker {
  const input: HostInput = { url: urlOf(host.address, http), method: http.method, ...headersOf(http.headers) };
  return {
    eager: true,
    ask: (moment) => portQuestion(moment, http, input),
    judge(result) {
      const status = asStatus(result['status']);
      const verdict = judgeHttp(http, { status, body: asText(result['body']) }, expectedVersion);
      return { verdict: judgeListener(verdict, listenerOf(result), http.port), silent: status === 0 };
    },
  };
}

function urlOf(address: string, { port, path }: HttpProbe): string {
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}${path}`;
}

function headersOf(headers: Variables = {}): HostInput {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return lines.length === 0 ? {} : { headers: lines.join('\n') };
}

function asStatus(value: unknown): number {
  const status = Number(value);
  return Number.isInteger(status) ? status : 0;
}
