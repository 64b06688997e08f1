/** Words that may not stand in this clone, and where. Each pattern is written so that it does not find itself. */
import { blanked } from './blanked.ts';
import { isCode } from './tree.ts';
import type { SourceFile } from './tree.ts';

interface Ban {
  readonly pattern: RegExp;
  readonly why: string;
  /** which files it is looked for in */
  readonly where: (file: SourceFile) => boolean;
  /** looked for in code alone, without comments and strings */
  readonly inCode?: boolean;
}

const rooms = (...names: readonly string[]) => ({ room }: SourceFile): boolean => names.includes(room);
const everywhere = (): boolean => true;
const program = (file: SourceFile): boolean => isCode(file) || file.path.startsWith('host/') || file.path === 'signalbox' || file.path.endsWith('.sh');

/** Who may read the environment: the configuration, what starts processes, the command line's surroundings, and tests. */
const READS_ENVIRONMENT = /^(config\.ts|bootstrap\.mjs|vitest\.config\.ts|(stack|test|bench|examples)\/.*|cli\/(main|surroundings|settings)\.ts)$/;

export const BANS: readonly Ban[] = [
  { pattern: /\b(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b/, why: 'is left for later; do it or write it down as a limit', where: program },
  { pattern: /\bas any\b/, why: 'hides a type', where: isCode, inCode: true },
  { pattern: /@ts-(ignor[e]|nochec[k])|(es|ox)lint-disabl[e]|biome-ignor[e]/, why: 'silences a tool', where: isCode },
  { pattern: /\b(it|test|describe)(\.\w+)*\.(only|skip|todo|fails)\(/, why: 'leaves tests out', where: rooms('test'), inCode: true },
  { pattern: /setTimeout\(r(esolve)?,\s*\d{3,}|\bsleep\(\d{3,}\)/, why: 'sleeps instead of waiting for a condition', where: rooms('test'), inCode: true },
  { pattern: /\bexport default\b/, why: 'exports without a name', where: (file) => isCode(file) && !file.path.endsWith('.config.ts'), inCode: true },
  { pattern: /\bDate\.now\b|\bnew Date\(\)|\bperformance\b|\bTemporal\.Now\b/, why: 'asks for the time; it is an argument', where: rooms('domain'), inCode: true },
  { pattern: /\bMath\.random\b|\brandomUUID\b|\bcrypto\b/, why: 'is random', where: rooms('domain', 'workflows'), inCode: true },
  { pattern: /\bprocess\.|\bconsole\.|\bglobalThis\b|\bfetch\(|\bset(Timeout|Interval|Immediate)\(/, why: 'reaches outside', where: rooms('domain', 'workflows'), inCode: true },
  { pattern: /\blocaleCompare\b|\btoLocale\w+|\bIntl\./, why: 'depends on the machine\'s language', where: rooms('domain', 'workflows'), inCode: true },
  { pattern: /\bprocess\.env\b/, why: 'reads the environment; config.ts does', where: (file) => isCode(file) && !READS_ENVIRONMENT.test(file.path), inCode: true },
  { pattern: /\.\.\/share[d](?!\.ts)|\/wor[k]\/|DEVELOPER[S]\.md|COMPAS[S]\b|\b(desig[n]|styl[e])\.md\b/, why: 'speaks of something outside this project', where: everywhere },
];

/** Every find, as `path:line: text why`. */
export function bannedWords(files: readonly SourceFile[], bans: readonly Ban[] = BANS): readonly string[] {
  return files.flatMap((file) => {
    const wanted = bans.filter(({ where }) => where(file));
    const code = wanted.some(({ inCode }) => inCode) && isCode(file) ? blanked(file.text) : file.text;
    return wanted.flatMap(({ pattern, why, inCode }) => findsIn(inCode ? code : file.text, pattern).map(({ line, found }) => `${file.path}:${line}: ${found.trim()} ${why}`));
  });
}

function findsIn(text: string, pattern: RegExp): readonly { readonly line: number; readonly found: string }[] {
  return text.split('\n').flatMap((line, index) => {
    const found = pattern.exec(line);
    return found === null ? [] : [{ line: index + 1, found: found[0] }];
  });
}

/** Titles of tests that stand twice in one file. */
export function repeatedTitles({ path, text }: SourceFile): readonly string[] {
  const titles = [...text.matchAll(/^\s*(?:it|test)(?:\.\w+)*(?:\([^'"`\n]*\))?\(\s*(['"`])(.*?)\1,/gm)].map(([, , title]) => title ?? '');
  return [...new Set(titles.filter((title, index) => titles.indexOf(title) !== index))].map((title) => `${path}: "${title}"`);
}
