/** GET /v1/pools/{name}/traffic-rules: what the balancer before a pool has to be told, derived from pool, hosts and health checks. */
import { rulesInput } from '../db/pool-rules.ts';
import { renderRules } from '../domain/traffic-rules/render.ts';
import { trafficRules } from '../domain/traffic-rules/rules.ts';
import { notFound, Problem } from './problem.ts';
import { operation } from './route.ts';
import { Name } from './schemas/text.ts';
import { TrafficRulesAnswer } from './schemas/traffic-rules.ts';
import type { ApiDeps } from './deps.ts';
import type { Operation } from './route.ts';

export function getTrafficRules(deps: ApiDeps): Operation {
  return operation({
    summary: "A pool's rules for its balancer",
    description: 'The backend as the balancer should have it: a server for each host of the pool, at the address of the host and the port of its first check before admit, with that check. `text` is the section of the configuration file. Where the balancer has something else, the finding `balancer-differs/{name}` says so.',
    tag: 'pools',
    path: { name: Name },
    answers: { 200: { description: 'the rules', schema: TrafficRulesAnswer } },
    problems: [404, 409],
    async handle(call) {
      const name = call.path['name'] ?? '';
      const input = await rulesInput(deps.db, name);
      if (input === null) throw notFound('pool', name);
      const rules = trafficRules(input);
      if ('refused' in rules) throw new Problem('conflict', rules.refused);
      const { servers, check, application } = rules;
      return { status: 200, body: { pool: name, application, driver: input.pool.traffic.driver, check, servers, text: renderRules(input.pool.traffic, rules) } };
    },
  });
}
