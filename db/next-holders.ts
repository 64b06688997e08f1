/** Who may take a pool next. Pure, so that the rule can be read and tested by itself. */

export interface Waiting {
  readonly release: string;
  readonly pool: string;
  readonly hosts: readonly string[];
}

/** Pools and hosts that a release owns now. */
export interface Taken {
  readonly pools: ReadonlySet<string>;
  readonly hosts: ReadonlySet<string>;
}

/**
 * Those of the queue (best first) whose pool and hosts are all free. One that must wait keeps its pool and hosts from everybody behind
 * it: else a stream of small releases could keep out for ever one that needs hosts of two pools.
 */
export function nextHolders(queue: readonly Waiting[], taken: Taken): readonly Waiting[] {
  const pools = new Set(taken.pools);
  const hosts = new Set(taken.hosts);
  return queue.filter((waiting) => {
    const isFree = !pools.has(waiting.pool) && !waiting.hosts.some((host) => hosts.has(host));
    pools.add(waiting.pool);
    for (const host of waiting.hosts) hosts.add(host);
    return isFree;
  });
}
