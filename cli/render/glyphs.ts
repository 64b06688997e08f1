/** The marks people know from rollout tools, and how a status is coloured. State is always in the word too, never in colour alone. */
import { styleText } from 'node:util';

export type Tone = 'good' | 'bad' | 'busy' | 'held' | 'quiet' | 'warn';

const GLYPH: Readonly<Record<Tone, string>> = { good: '✔', bad: '✖', busy: '⟳', held: '‖', quiet: '◌', warn: '⚠' };
const COLOR = { good: 'green', bad: 'red', busy: 'blue', held: 'yellow', quiet: 'gray', warn: 'yellow' } as const;

const TONES: Readonly<Record<string, Tone>> = {
  queued: 'quiet',
  preparing: 'busy',
  'pre-release': 'busy',
  releasing: 'busy',
  'post-release': 'busy',
  'rolling-back': 'busy',
  succeeded: 'good',
  'rolled-back': 'warn',
  'rollback-incomplete': 'bad',
  failed: 'bad',
  aborted: 'warn',
  rejected: 'bad',
  paused: 'held',
  pending: 'quiet',
  observed: 'quiet',
  staged: 'quiet',
  untouched: 'quiet',
  rolling: 'busy',
  'in-work': 'busy',
  baking: 'held',
  resting: 'held',
  restoring: 'busy',
  installed: 'good',
  done: 'good',
  restored: 'good',
  skipped: 'warn',
  unrestored: 'bad',
};

/** Words the server may add later are shown as in work, never hidden. */
export function toneOf(status: string): Tone {
  return TONES[status] ?? 'busy';
}

/** `glyph text` in the colour of the tone. */
export function marked(tone: Tone, text: string, color: boolean): string {
  return paint(`${GLYPH[tone]} ${text}`, tone, color);
}

export function paint(text: string, tone: Tone, color: boolean): string {
  return color ? styleText(COLOR[tone], text, { validateStream: false }) : text;
}

export function bold(text: string, color: boolean): string {
  return color ? styleText('bold', text, { validateStream: false }) : text;
}

/**
 * Text of others (application logs, error messages, reasons) on one line, fit for a terminal: control characters, escape sequences
 * included, become visible marks, so that a log cannot move the cursor, set a title or hide a line.
 */
export function printable(text: string): string {
  return text.replace(/\t/g, '  ').replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '�');
}
