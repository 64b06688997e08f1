/** The command line has its own words for a release, so that it needs nothing of the server's code; this keeps both from drifting apart. */
import { expectTypeOf, test } from 'vitest';
import type { Release, Status as StatusRead } from '../../cli/release.ts';
import type { ReleaseView } from '../../domain/release/view.ts';
import type { Status } from '../../domain/vocabulary.ts';

test('what the API tells of a release is what the command line reads (checked by the compiler)', () => {
  expectTypeOf<ReleaseView>().toExtend<Release>();
  expectTypeOf<StatusRead>().toEqualTypeOf<Status>();
  expectTypeOf<keyof ReleaseView>().toEqualTypeOf<keyof Release>();
});
