/** A release whose code cannot go on, in the sandbox of a real worker. */
export async function release(): Promise<never> {
  throw new Error('kaputt at line 1');
}
