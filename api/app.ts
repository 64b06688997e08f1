/** The HTTP API: every route in one table, which is also the OpenAPI document. */
import express from 'express';
import helmet from 'helmet';
import { getHostProgram, postAnswer, postPoll } from './agent.ts';
import { applyDocuments } from './apply.ts';
import { liftApplication, liftPackage, quarantinePackage } from './blocks.ts';
import { getCommand, postCommand } from './commands.ts';
import { docsFile, docsPage } from './docs-page.ts';
import { getFindings, getOneFinding, getOneRepair, postRepair } from './findings.ts';
import { getOneFleetCheck, postFleetCheck } from './fleet-checks.ts';
import { livez, readyz } from './health.ts';
import { getHostFlags, postAdmit, postDrain, putHostFlag } from './host-flags.ts';
import { deleteHostToken, getHostTokens, postHostToken } from './host-tokens.ts';
import { deleteObject, getObject, listObjects, putObject } from './inventory.ts';
import { INVENTORY_KINDS } from './kinds.ts';
import { getLiveness, listLiveness } from './liveness.ts';
import { createMetrics } from './metrics.ts';
import { openapiOperation } from './openapi.ts';
import { getPackageFile, putPackageFile } from './package-files.ts';
import { getPackage, listPackages, registerPackage } from './packages.ts';
import { getHealth } from './parts.ts';
import { makePlanAhead } from './plans.ts';
import { getEvents } from './release-events.ts';
import { getRefusals } from './refusals.ts';
import { getLogs, getOneRelease, getReleaseThen, listAllReleases, postRelease } from './releases.ts';
import { route } from './route.ts';
import { mountRoutes } from './serve.ts';
import { getTrafficRules } from './traffic-rules.ts';
import { deleteToken, getTokens, postToken } from './tokens.ts';
import type { ApiDeps } from './deps.ts';
import type { Operation, Route } from './route.ts';

/** The whole surface. `open` needs nothing, `key` proves itself by its path, `host` needs the token of a host, everything else a token. */
export function routesOf(deps: ApiDeps, metrics: Operation): readonly Route[] {
  const table: readonly Route[] = [
    route('GET', '/livez', 'open', livez()),
    route('GET', '/readyz', 'open', readyz(deps)),
    route('GET', '/metrics', 'metrics', metrics),
    route('GET', '/openapi.json', 'open', openapiOperation(() => table)),
    route('GET', '/docs', 'open', docsPage()),
    route('GET', '/docs/{file}', 'open', docsFile()),
    ...INVENTORY_KINDS.flatMap((kind) => [
      route('GET', `/v1/${kind.collection}`, 'token', listObjects(deps, kind)),
      route('GET', `/v1/${kind.collection}/{name}`, 'token', getObject(deps, kind)),
      route('PUT', `/v1/${kind.collection}/{name}`, 'token', putObject(deps, kind)),
      route('DELETE', `/v1/${kind.collection}/{name}`, 'token', deleteObject(deps, kind)),
    ]),
    route('GET', '/v1/liveness', 'token', listLiveness(deps)),
    route('GET', '/v1/hosts/{name}/liveness', 'token', getLiveness(deps)),
    route('POST', '/v1/fleet-checks', 'token', postFleetCheck(deps)),
    route('GET', '/v1/fleet-checks/{id}', 'token', getOneFleetCheck(deps)),
    route('GET', '/v1/hosts/{name}/flags', 'token', getHostFlags(deps)),
    route('PUT', '/v1/hosts/{name}/flags/{owner}', 'token', putHostFlag(deps)),
    route('POST', '/v1/hosts/{name}/drain', 'token', postDrain(deps)),
    route('POST', '/v1/hosts/{name}/admit', 'token', postAdmit(deps)),
    route('GET', '/v1/pools/{name}/traffic-rules', 'token', getTrafficRules(deps)),
    route('POST', '/v1/apply', 'token', applyDocuments(deps)),
    route('GET', '/v1/packages', 'token', listPackages(deps)),
    route('POST', '/v1/packages', 'token', registerPackage(deps)),
    route('GET', '/v1/packages/{id}', 'token', getPackage(deps)),
    route('POST', '/v1/packages/{id}/quarantine', 'token', quarantinePackage(deps)),
    route('POST', '/v1/packages/{id}/lift', 'token', liftPackage(deps)),
    route('POST', '/v1/applications/{name}/lift', 'token', liftApplication(deps)),
    route('PUT', '/v1/package-files/{sha256}', 'token', putPackageFile(deps)),
    route('GET', '/v1/package-files/{sha256}/{key}', 'key', getPackageFile(deps)),
    route('POST', '/v1/plans', 'token', makePlanAhead(deps)),
    route('GET', '/v1/releases', 'token', listAllReleases(deps)),
    route('POST', '/v1/releases', 'token', postRelease(deps)),
    route('GET', '/v1/releases/{id}', 'token', getOneRelease(deps)),
    route('GET', '/v1/releases/{id}/events', 'token', getEvents(deps)),
    route('GET', '/v1/releases/{id}/refusals', 'token', getRefusals(deps)),
    route('GET', '/v1/releases/{id}/logs', 'token', getLogs(deps)),
    route('GET', '/v1/releases/{id}/at', 'token', getReleaseThen(deps)),
    route('POST', '/v1/releases/{id}/commands', 'token', postCommand(deps)),
    route('GET', '/v1/releases/{id}/commands/{commandId}', 'token', getCommand(deps)),
    route('GET', '/v1/tokens', 'token', getTokens(deps)),
    route('POST', '/v1/tokens', 'token', postToken(deps)),
    route('DELETE', '/v1/tokens/{name}', 'token', deleteToken(deps)),
    route('GET', '/v1/host-tokens', 'token', getHostTokens(deps)),
    route('POST', '/v1/host-tokens', 'token', postHostToken(deps)),
    route('DELETE', '/v1/host-tokens/{name}', 'token', deleteHostToken(deps)),
    route('POST', '/v1/agent/poll', 'host', postPoll(deps)),
    route('POST', '/v1/agent/calls/{id}/answer', 'host', postAnswer(deps)),
    route('GET', '/v1/agent/programs/{sha256}', 'host', getHostProgram(deps)),
    route('GET', '/v1/findings', 'token', getFindings(deps)),
    route('GET', '/v1/findings/{id}', 'token', getOneFinding(deps)),
    route('POST', '/v1/findings/{id}/repair', 'token', postRepair(deps)),
    route('GET', '/v1/repairs/{id}', 'token', getOneRepair(deps)),
    route('GET', '/v1/health', 'token', getHealth(deps)),
  ];
  return table;
}

/** Listens nowhere yet and holds nothing open: the caller listens and ends it. */
export function createApp(deps: ApiDeps): express.Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.set('trust proxy', false);
  app.enable('strict routing');
  app.enable('case sensitive routing');
  const metrics = createMetrics(deps);
  app.use(secureHeaders());
  app.use(metrics.observe);
  mountRoutes(app, routesOf(deps, metrics.operation), deps);
  return app;
}

/** No `upgrade-insecure-requests` and no HSTS: on a plain-http network they would lock everybody out. */
function secureHeaders(): express.RequestHandler {
  return helmet({
    strictTransportSecurity: false,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
  });
}
