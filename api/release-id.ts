/** Ids of releases, commands, drains, fleet checks and repairs: short enough to say, sorted by time, never guessed twice. */
import { randomBytes } from 'node:crypto';

/** Crockford's alphabet in lower case: nothing looks like something else. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const EPOCH_MS = Date.UTC(2025, 0, 1);
const TIME_DIGITS = 6;
const RANDOM_DIGITS = 6;

/** `r-` and 12 characters: seconds (good until 2059), then 30 random bits. */
export function newReleaseId(now: Date): string {
  return `r-${timePart(now)}${randomPart(RANDOM_DIGITS)}`;
}

/** `c-` and 18 characters: commands come more often than releases. */
export function newCommandId(now: Date): string {
  return `c-${timePart(now)}${randomPart(RANDOM_DIGITS * 2)}`;
}

/** `d-` and 18 characters: drains of hosts. */
export function newDrainId(now: Date): string {
  return `d-${timePart(now)}${randomPart(RANDOM_DIGITS * 2)}`;
}

/** `k-` and 18 characters: looks at the fleet. */
export function newFleetCheckId(now: Date): string {
  return `k-${timePart(now)}${randomPart(RANDOM_DIGITS * 2)}`;
}

/** `f-` and 18 characters: repairs of findings. */
export function newRepairId(now: Date): string {
  return `f-${timePart(now)}${randomPart(RANDOM_DIGITS * 2)}`;
}

function timePart(now: Date): string {
  let seconds = Math.floor((now.getTime() - EPOCH_MS) / 1000);
  let text = '';
  for (let digit = 0; digit < TIME_DIGITS; digit += 1) {
    text = `${ALPHABET[seconds % 32] ?? '0'}${text}`;
    seconds = Math.floor(seconds / 32);
  }
  return text;
}

function randomPart(digits: number): string {
  return Array.from(randomBytes(digits), (byte) => ALPHABET[byte % 32]).join('');
}
