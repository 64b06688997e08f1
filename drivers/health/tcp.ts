/** Health of a port: the host connects to it at its own address and says nothing. */
import { judgeListener } from '../../domain/health/listener.ts';
import { judgeTcp } from '../../domain/health/tcp.ts';
import { listenerOf, portQuestion } from './port-question.ts';
import { verifyBy } from './probing.ts';
import type { TcpProbe } from '../../domain/inventory.ts';
import type { Health, HealthCall } from './port.ts';
import type { Asker } from './probing.ts';

export function createTcpHealth(): Health {
  return {
    kind: 'tcp',
    verify(call) {
      const { check } = call;
      if (!('tcp' in check)) throw new TypeError(`${call.place} is no check of a port`);
      return verifyBy(tcpAsker(call, check.tcp), call);
    },
  };
}

function tcpAsker({ host }: HealthCall, tcp: TcpProbe): Asker {
  const input = { probe: 'tcp', address: host.address, port: tcp.port };
  return {
    eager: true,
    ask: (moment) => portQuestion(moment, tcp, input),
    judge(result) {
      const connected = result['connected'] === true;
      return { verdict: judgeListener(judgeTcp(connected), listenerOf(result), tcp.port), silent: !connected };
    },
  };
}
