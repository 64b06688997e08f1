/** Does `work` for each item, `lanes` of them at a time. */
export async function inLanes<T>(items: readonly T[], lanes: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  await Promise.all(Array.from({ length: lanes }, async () => {
    for (const item of left) await work(item);
  }));
}
