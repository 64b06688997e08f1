/**
 * Hosts of one pool at most. So many names of 22 characters fit into one request (`BODY_BYTES_MAX`) when they are written as compact JSON; what a
 * release carries of them stays below the 2 MB that Temporal allows for one payload.
 */
export const POOL_HOSTS_MAX = 10_000;
