/** Numbers that look random and are the same on every machine for the same seed, so that a prediction can be repeated. */

/** Answers evenly spread numbers, 0 included and 1 not. The seed may be any text. */
export function randomOf(seed: string): () => number {
  let state = fingerprint(seed);
  // Mulberry32: one addition and two multiplications a number, good enough to draw durations with.
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** FNV-1a over the text's code units. */
function fingerprint(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash | 0;
}
