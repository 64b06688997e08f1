/** Lines of code drawn from files, as ranges that Stryker takes. */

export interface SourceFile {
  readonly path: string;
  readonly lines: readonly string[];
}

/** Declarations of types, comments and closing brackets hold no mutants. */
const WITHOUT_CODE = /^(?:\*|\/|import\b|export type\b|export interface\b|interface\b|type\b|readonly\b|\||[}\])]*[;,]?$)/;

/** `count` different lines, or all there are; each as `path:line-line`, in the order of the files. `random` answers from 0 to below 1. */
export function sampleOf(files: readonly SourceFile[], count: number, random: () => number): readonly string[] {
  const all = files.flatMap(({ path, lines }) => lines.flatMap((line, index) => (WITHOUT_CODE.test(line.trim()) ? [] : [`${path}:${index + 1}-${index + 1}`])));
  const places = all.map((range, place) => ({ range, place, lot: random() }));
  return places.toSorted((one, other) => one.lot - other.lot).slice(0, count).toSorted((one, other) => one.place - other.place).map(({ range }) => range);
}
