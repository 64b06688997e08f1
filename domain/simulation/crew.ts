/** Which hosts of a virtual fleet serve, and what a batch changes about it. */

/** Whom a batch takes out and brings back, host by host, and how many serve when it begins. */
export interface CrewWork {
  readonly inService: number;
  readonly leaves: readonly boolean[];
  readonly returns: readonly boolean[];
}

export class Crew {
  readonly #serving: Set<string>;
  readonly #staysOut: ReadonlySet<string>;

  constructor(inService: readonly string[], staysOut: readonly string[]) {
    this.#serving = new Set(inService);
    this.#staysOut = new Set(staysOut);
  }

  get inService(): number {
    return this.#serving.size;
  }

  serves(host: string): boolean {
    return this.#serving.has(host);
  }

  /** The hosts of a batch are drained, or admitted, or both; a host that stays out is not brought back. */
  work(hosts: readonly string[], moves: { readonly leaves: boolean; readonly returns: boolean }): CrewWork {
    const inService = this.inService;
    const leaves = hosts.map((host) => moves.leaves && this.#serving.has(host));
    const returns = hosts.map((host) => moves.returns && !this.#staysOut.has(host) && (moves.leaves || !this.#serving.has(host)));
    hosts.forEach((host, place) => {
      if (leaves[place]) this.#serving.delete(host);
      if (returns[place]) this.#serving.add(host);
    });
    return { inService, leaves, returns };
  }
}
