/** The lines between the services, which can be spoilt and healed. */

/** What a link does to the bytes that go over it. `hang`: nothing comes through and nobody is told. `cut`: connections are reset. `slow`: late by some tenths of a second. */
export type Toxic = 'hang' | 'slow' | 'cut';

export interface Network {
  /** Bytes that come to port `listen` of this machine go on to `upstream` (host:port), and back. */
  link(name: string, listen: number, upstream: string): Promise<void>;
  /** Both ways at once, as a cable would. */
  spoil(name: string, toxic: Toxic): Promise<void>;
  /** Every link is whole again. */
  heal(): Promise<void>;
  close(): Promise<void>;
}
