/** /docs: the OpenAPI document as a page. Every byte comes from here; nothing is asked of the outside. */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Response } from 'express';
import { notFound } from './problem.ts';
import { ANSWERED, operation } from './route.ts';
import type { Operation } from './route.ts';

const FOLDER = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
const FILES: readonly string[] = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];
const DocsFile = z.string().max(64).regex(/^[a-z0-9.-]+$/, 'must be a file of the page');

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Signalbox API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const START = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#page', deepLinking: true, validatorUrl: null, persistAuthorization: false });
`;

export function docsPage(): Operation {
  return operation({
    summary: 'This API as a page to read and try',
    tag: 'documents',
    answers: { 200: { description: 'the page', schema: z.string(), contentTypes: ['text/html'] } },
    async handle() {
      return { status: 200, body: PAGE, headers: { 'Content-Type': 'text/html; charset=utf-8' } };
    },
  });
}

export function docsFile(): Operation {
  return operation({
    summary: 'A file of the page',
    tag: 'documents',
    path: { file: DocsFile },
    answers: { 200: { description: 'the file', schema: z.string(), contentTypes: ['text/css', 'text/javascript', 'image/png'] }, 304: { description: 'unchanged' } },
    problems: [404, 412],
    async handle(call) {
      const file = call.path['file'] ?? '';
      if (file === 'start.js') return { status: 200, body: START, headers: { 'Content-Type': 'text/javascript; charset=utf-8' } };
      if (!FILES.includes(file)) throw notFound('file of the page', file);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      // Without ranges every answer is the whole file.
      (call.response as Response).sendFile(file, { root: FOLDER, acceptRanges: false, maxAge: '1h' }, (error?: Error) => (error && !call.signal.aborted ? reject(error) : resolve()));
      await promise;
      return ANSWERED;
    },
  });
}
