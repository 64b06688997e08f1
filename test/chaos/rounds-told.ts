/** How many rounds of each scenario a run plays, as its caller says it. */
import { SCENARIOS } from './scenarios.ts';

/** enough for every point to be met, with some to spare for those that a story passed by */
export const ROUNDS_OF_POINTS = 60;
const ROUNDS = 3;

/** `12`: of each scenario; `12,points=40,commands=30`: of some of them more or fewer. Throws where that names no scenario or is no whole number from 1. */
export function roundsOf(told: string | undefined): (scenario: string) => number {
  const own = new Map<string, number>();
  let each: number | null = null;
  for (const part of told?.split(',') ?? []) {
    const [first = '', second] = part.split('=');
    const rounds = Number(second ?? first);
    if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds: "${part}" is no whole number from 1`);
    if (second === undefined) each = rounds;
    else if (SCENARIOS.some(({ name }) => name === first)) own.set(first, rounds);
    else throw new Error(`--rounds: there is no scenario "${first}"`);
  }
  return (scenario) => own.get(scenario) ?? each ?? (scenario === 'points' ? ROUNDS_OF_POINTS : ROUNDS);
}
