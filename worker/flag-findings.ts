/** Flags that cannot be carried out now, each an open finding until it can. */
import { clearFinding, listFindings, openFinding } from '../db/findings.ts';
import type { Database } from '../db/client.ts';

/** `message` is what whoever refused said. */
export interface Trouble {
  readonly what: 'floor' | 'refused' | 'unreachable' | 'not-up' | 'foreign-ready' | 'foreign-maint';
  readonly message: string;
}

const KIND = 'flag-not-carried-out';

/** Tells each difference once, and takes it back when it is gone; another worker's are taken over. */
export class FlagFindings {
  readonly #db: Database;
  readonly #told = new Map<string, string>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** `null`: all is well with this host in this pool. */
  async tell(pool: string, host: string, trouble: Trouble | null): Promise<void> {
    const id = `flag/${pool}/${host}`;
    const sentence = trouble === null ? '' : sentenceOf(pool, host, trouble);
    if (this.#told.get(id) === sentence) return;
    if (trouble === null) await clearFinding(this.#db, id);
    else await openFinding(this.#db, { id, kind: KIND, subject: host, sentence, repair: repairOf(pool, host, trouble) });
    this.#told.set(id, sentence);
  }

  /** Clears what is open of places (`pool/host`) in which there is nothing to carry out any more. */
  async keepOnly(places: ReadonlySet<string>): Promise<void> {
    for (const id of this.#told.keys()) if (!places.has(id.slice('flag/'.length))) this.#told.delete(id);
    for (const { id, kind } of await listFindings(this.#db)) if (kind === KIND && !places.has(id.slice('flag/'.length))) await clearFinding(this.#db, id);
  }
}

function sentenceOf(pool: string, host: string, { what, message }: Trouble): string {
  switch (what) {
    case 'floor':
      return `A flag of ${host} is down, but it still serves in pool ${pool}: ${message}`;
    case 'refused':
    case 'unreachable':
      return `The flags of ${host} could not be carried out in pool ${pool}: ${message}`;
    case 'not-up':
      return `Every flag of ${host} is up, but the balancer's own check of it in pool ${pool} says down, so it stays drained.`;
    case 'foreign-ready':
      return `A flag of ${host} is down, but somebody set its server in pool ${pool} to ready at the balancer.`;
    case 'foreign-maint':
      return `Every flag of ${host} is up, but somebody put its server in pool ${pool} into maintenance at the balancer; it is left so.`;
    default:
      return unknownTrouble(what);
  }
}

function repairOf(pool: string, host: string, { what }: Trouble): string {
  switch (what) {
    case 'floor':
      return `Bring another host of pool ${pool} back, or take this one out nevertheless: signalbox host drain ${host} --pool ${pool} --force --reason ...`;
    case 'refused':
    case 'unreachable':
      return 'Repair the balancer or the traffic entry of the pool; it is tried again by itself.';
    case 'not-up':
      return `Look at the application on ${host}; it comes in by itself once the check passes.`;
    case 'foreign-ready':
      return `Set the server to drain again, or raise the flag: signalbox host admit ${host} --reason ...`;
    case 'foreign-maint':
      return 'Set the server to ready at the balancer when the maintenance is over.';
    default:
      return unknownTrouble(what);
  }
}

function unknownTrouble(what: never): never {
  throw new Error(`There is no trouble ${String(what)} with a flag`);
}
