/** `npm run docs`: writes every generated page. test/docs/generated.test.ts fails while a page differs from what this would write. */
import { writeFileSync } from 'node:fs';
import { eventsPage } from './events.ts';
import { statesPage } from './states.ts';
import { strategiesPage } from './strategies.ts';

for (const [name, page] of [['events', eventsPage()], ['states', statesPage()], ['strategies', strategiesPage()]] as const) {
  const file = new URL(`../generated/${name}.md`, import.meta.url);
  writeFileSync(file, page);
  process.stdout.write(`docs/generated/${name}.md\n`);
}
