/**
 * Process: the product's worker with seams that can be struck. The product is loaded as it is; only the modules named here are exchanged
 * while it loads, each for one that wraps it. Nothing of this is in the product, so its variables mean nothing to it.
 */
import { registerHooks } from 'node:module';

const HERE = new URL('.', import.meta.url).href;
const CLONE = new URL('../../../', import.meta.url).href;

const SEAMS: ReadonlyMap<string, string> = new Map([
  ['activities/target-step.ts', 'target-step.ts'],
  ['drivers/executors/local.ts', 'local.ts'],
  ['drivers/traffic/factory.ts', 'traffic.ts'],
  ['drivers/health/factory.ts', 'health.ts'],
  ['db/append-target.ts', 'append-target.ts'],
  ['db/append-release.ts', 'append-release.ts'],
  ['worker/deliver.ts', 'deliver.ts'],
].map(([product, own]) => [`${CLONE}${product}`, `${HERE}${own}`]));

registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    const seam = SEAMS.get(found.url);
    // A seam itself gets what it wraps.
    return seam === undefined || context.parentURL?.startsWith(HERE) ? found : { ...found, url: seam };
  },
});

await import('../../../worker/main.ts');
