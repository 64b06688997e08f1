/** What people are told of a recipe, or of an application that does not fit its own. */
import { describe, expect, test } from 'vitest';
import { faultsOf } from '../../../domain/recipe/faults.ts';
import { findComposition } from '../../../domain/recipe/compose.ts';
import { misfitsOf, runsOtherwise } from '../../../domain/recipe/needs.ts';
import type { ApplicationSpec } from '../../../domain/inventory.ts';
import type { Composition, RecipeSpec } from '../../../domain/recipe/composition.ts';

const recipe = (steps: RecipeSpec['steps'], more: Partial<RecipeSpec> = {}): RecipeSpec => ({ name: 'own', extends: 'service', steps, ...more });
const told = (spec: RecipeSpec, others: readonly RecipeSpec[] = []): readonly string[] => faultsOf(spec, (name) => [spec, ...others].find((one) => one.name === name)).map(({ pointer, message }) => `${pointer} ${message}`);
const program = { run: ['./tell'], timeoutSeconds: 5 };

describe('a recipe is refused', () => {
  test.each<[string, RecipeSpec, string]>([
    ['that takes the name of one that comes along', recipe({}, { name: 'service' }), '/name service comes along and cannot be changed'],
    ['that extends what does not exist', recipe({}, { extends: 'nothing' }), '/extends recipe nothing does not exist'],
    ['that extends itself', recipe({}, { extends: 'own' }), '/extends leads back to own'],
    ['with an act in the wrong step', recipe({ start: ['start-process', 'link'] }), '/steps/start/1 link is an act of switch, not of start'],
    ['that unpacks before it fetches', recipe({ stage: ['unpack', 'fetch', 'configure'] }), '/steps/stage/1 fetch must stand before unpack'],
    ['with an act twice', recipe({ switch: ['link', 'link'] }), '/steps/switch/1 link stands in it twice'],
    ['that never links', recipe({ switch: [] }), '/steps/switch lacks link'],
    ['that starts what it never stops', recipe({ stop: [] }), '/extends start-process has no way back without stop-process in stop'],
    ['that stops what it never starts', recipe({ start: [] }), '/extends stop-process has no way back without start-process in start'],
    ['with a program in its switch that nothing takes back', recipe({ switch: ['link', program] }), '/steps/switch/1 has no way back: give back'],
    ['with a way back where nothing is undone', recipe({ start: ['start-process', { ...program, back: [] }] }), '/steps/start/1 back is for programs in switch'],
    ['with too many programs', recipe({ verify: Array.from({ length: 9 }, () => program) }), '/steps/verify the recipe has 9 programs'],
  ])('%s', (_what, spec, sentence) => {
    expect(told(spec).join('\n')).toContain(sentence);
  });

  test('that leads round a circle of three, at extends', () => {
    const others = [recipe({}, { name: 'two', extends: 'three' }), recipe({}, { name: 'three', extends: 'own' })];
    expect(told(recipe({}, { extends: 'two' }), others)).toEqual(['/extends leads back to own: recipes must not extend one another in a circle']);
  });
});

describe('an application', () => {
  const composition = (name: string): Composition => findComposition(name, () => undefined) as Composition;
  const application = (more: Partial<ApplicationSpec> = {}): ApplicationSpec => ({
    name: 'web', recipe: 'own', productLine: null, owners: [], variables: {}, health: [],
    run: { command: ['./web'], stopSignal: 'SIGTERM', stopTimeoutSeconds: 5, account: null, env: {} }, ...more,
  });
  const still = { ...application().run, command: [] };
  const pace = { passes: 1, intervalMs: 100, timeoutSeconds: 5 };

  test.each<[string, ApplicationSpec, string, readonly string[]]>([
    ['of a process names its command', application({ run: still }), 'service', ['/run/command']],
    ['of files names none', application(), 'static', ['/run/command']],
    ['of files is not asked for its process', application({ run: still, health: [{ process: {}, ...pace }] }), 'static', ['/health/0/process']],
    ['of php names the server to reload', application({ run: still }), 'php', ['/reload']],
    ['of files alone names no server', application({ run: still, reload: { pidFile: '/run/x.pid', signal: 'SIGHUP' } }), 'static', ['/reload']],
    ['that fits is not complained of', application({ run: still, reload: { pidFile: '/run/x.pid', signal: 'SIGHUP' } }), 'php', []],
  ])('%s', (_what, spec, name, pointers) => {
    expect(misfitsOf(spec, composition(name)).map(({ pointer }) => pointer)).toEqual(pointers);
  });

  test('that stands on a host by a recipe of another kind is told from one that does not', () => {
    const seen = { application: 'web', digest: 'd', config: 'c', version: '1', unmanaged: false };
    const process = { pid: 7, startTicks: 1, bootId: 'b' };
    expect(runsOtherwise({ ...seen, process }, composition('static'))).toBe(true);
    expect(runsOtherwise({ ...seen, process: null, serves: true, runs: 'nothing' }, composition('service'))).toBe(true);
    expect(runsOtherwise({ ...seen, process: null, serves: true, runs: 'nothing' }, composition('php'))).toBe(false);
    expect(runsOtherwise({ ...seen, process }, composition('nodejs'))).toBe(false);
    expect(runsOtherwise({ ...seen, process: null, serves: true, runs: 'schedule' }, composition('static'))).toBe(true);
    expect(runsOtherwise({ ...seen, process: null, serves: false, runs: 'schedule' }, composition('scheduled-task'))).toBe(false);
    expect(runsOtherwise({ ...seen, digest: null, config: null, process: null }, composition('static'))).toBe(false);
  });
});
