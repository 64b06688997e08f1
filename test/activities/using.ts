/** A bench for one test, ended with it. */
import { openBench } from '../support/release-bench.ts';
import type { Bench, Faults } from '../support/release-bench.ts';

export async function using(hosts: number, faults: Faults, work: (bench: Bench) => Promise<void>): Promise<void> {
  const bench = await openBench(hosts, faults);
  try {
    await work(bench);
  } finally {
    await bench.close();
  }
}

/** The same fault for the first `count` calls. */
export function times<F>(count: number, call: string, fault: F): { readonly call: string; readonly nth: number; readonly fault: F }[] {
  return Array.from({ length: count }, (_, index) => ({ call, nth: index + 1, fault }));
}
