/** All judging rules, in their order. */
import { commands } from './commands.ts';
import { effects } from './effects.ts';
import { endings } from './endings.ts';
import { epochs } from './epochs.ts';
import { floor } from './floor.ts';
import { owners } from './owners.ts';
import { pauses } from './pauses.ts';
import { rollbacks } from './rollbacks.ts';
import { silence } from './silence.ts';
import { streams } from './streams.ts';
import type { Rule } from './judge.ts';

export const RULES: readonly Rule[] = [commands, streams, effects, epochs, owners, floor, pauses, rollbacks, endings, silence];
