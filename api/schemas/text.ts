/** The texts that several requests share: names, versions, variables, reasons. Each says in its complaint what is allowed. */
import { z } from 'zod';
import { NAME, isName, isVersion } from '../../domain/names.ts';

export const VERSION = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/;
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
export const SHA256 = /^[0-9a-f]{64}$/;
// One line of printable text. The scanner refuses control characters in bodies; this also covers queries and headers.
const ONE_LINE = /^[^\u0000-\u001f\u007f-\u009f]*$/;

const NAME_RULE = 'must be 1 to 63 of a-z, 0-9, ".", "_" and "-", beginning and ending with a letter or digit, without ".."';
const VERSION_RULE = 'must be 1 to 128 of letters, digits, ".", "_", "+" and "-", beginning with a letter or digit, without ".."';

export const Name = z.string().regex(NAME, NAME_RULE).refine(isName, NAME_RULE).meta({ description: 'a name', example: 'web-prod' });
export const Version = z.string().regex(VERSION, VERSION_RULE).refine(isVersion, VERSION_RULE).meta({ description: 'a version', example: '1.4.0' });
export const Sha256 = z.string().regex(SHA256, 'must be the SHA-256 as 64 lower-case hexadecimal digits');
export const ReleaseId = z.string().regex(/^r-[a-z0-9]{8,32}$/, 'must be a release id such as r-4f7k2m9q5wxz').meta({ example: 'r-4f7k2m9q5wxz' });
export const PackageId = z
  .string()
  .max(192)
  .regex(/^[a-z0-9][a-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9._+-]*$/, 'must be application@version')
  .meta({ example: 'web@1.4.0' });
/** Where a rollback leads. */
export const To = z.union([Version, PackageId], { error: 'must be `previous`, a version, or application@version' });
export const Reason = z.string().trim().min(1, 'must say why').max(500).regex(ONE_LINE, 'must be one line of printable text').meta({ example: 'latency doubled' });

/** Printable text on one line, at most `max` characters. */
export function line(max: number): z.ZodString {
  return z.string().min(1, 'must not be empty').max(max).regex(ONE_LINE, 'must be one line of printable text');
}

const words = z.array(line(4096)).max(100);
// env(1), which starts it, would take such a word for a variable.
const NO_PROGRAM = { path: [0], message: 'must be a program, not empty and without "="' };

/** A program and its words, run without a shell. */
export const Argv = words.min(1, 'must name the program').refine(([program = '']) => program !== '' && !program.includes('='), NO_PROGRAM);

/** The same, or nothing where something else is asked instead. */
export const ArgvOrNone = words.refine(([program]) => program === undefined || (program !== '' && !program.includes('=')), NO_PROGRAM).default([]);

/** An account of a host's operating system. */
export const Account = z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'must be the name of an account');

/** A whole number with both bounds. */
export function whole(least: number, most: number): z.ZodInt {
  return z.int().min(least).max(most);
}

/** A list without equal entries; complaints point at the second of two. */
export function distinct<T extends z.ZodType>(entry: T, bounds: { least: number; most: number; empty?: string }): z.ZodType<z.output<T>[], z.input<T>[]> {
  return z
    .array(entry)
    .min(bounds.least, bounds.empty)
    .max(bounds.most)
    .superRefine((entries, context) => {
      entries.forEach((value, index) => {
        if (entries.indexOf(value) < index) context.addIssue({ code: 'custom', path: [index], message: `"${String(value)}" is listed twice` });
      });
    });
}

const value = z.string().max(4096).regex(ONE_LINE, 'must be one line of printable text');
export const Variables = limited(z.record(z.string().regex(VARIABLE, 'a variable name is letters, digits, "_", "." and "-", beginning with a letter or "_"'), value));
/** Key and value of each label a host must have. */
export const Labels = z.record(z.string().regex(VARIABLE, 'a label is letters, digits, "_", "." and "-", beginning with a letter or "_"'), value);
export const Environment = limited(z.record(z.string().regex(ENV_NAME, 'the name of an environment variable is letters, digits and "_"'), value));

function limited(record: z.ZodRecord<z.ZodString, z.ZodString>) {
  return record.refine((entries) => Object.keys(entries).length <= 200, 'at most 200 entries').default({});
}
