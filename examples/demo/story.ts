/** What the demo tells: four releases and how each of them must end. Pure: the scenario acts, this judges. */
import type { HostAnswer } from './fleet.ts';

export interface Chapter {
  readonly version: string;
  /** what is wrong with the version, see app.cjs; `fail-on` is completed with a host of batch 2 */
  readonly behaviour: null | 'never-answer' | 'fail-on';
  readonly title: string;
  readonly ends: 'succeeded' | 'rolled-back';
  /** what every host must run afterwards */
  readonly leaves: string;
}

export const CHAPTERS: readonly Chapter[] = [
  { version: '1.0.0', behaviour: null, title: 'the first install of 1.0.0', ends: 'succeeded', leaves: '1.0.0' },
  { version: '2.0.0', behaviour: null, title: '2.0.0, a good release', ends: 'succeeded', leaves: '2.0.0' },
  { version: '3.0.0', behaviour: 'never-answer', title: '3.0.0, which never answers', ends: 'rolled-back', leaves: '2.0.0' },
  { version: '4.0.0', behaviour: 'fail-on', title: '4.0.0, which fails on one host of batch 2', ends: 'rolled-back', leaves: '2.0.0' },
];

/** The batch in which the last chapter's version fails. */
export const FAILING_BATCH = 2;

/** The parts of `GET /v1/releases/{id}` that are read here. */
export interface ReleaseAnswer {
  readonly id: string;
  readonly status: string;
  readonly createdAt: string;
  readonly finishedAt: string | null;
  readonly waiting: { readonly sentence?: string } | null;
  readonly failure: { readonly message: string } | null;
  readonly batches: readonly {
    readonly index: number;
    readonly kind: string;
    readonly status: string;
    readonly targets: readonly { readonly host: string; readonly status: string; readonly step: string | null; readonly attempts: number; readonly observedVersion: Readonly<Record<string, string>>; readonly error: { readonly message: string } | null }[];
  }[];
}

export type HostAnswers = Readonly<Record<string, HostAnswer | null>>;

export interface Told {
  readonly chapter: Chapter;
  readonly release: ReleaseAnswer;
  /** asked from the applications themselves right before and after; null when the release ran in an earlier start */
  readonly witnesses: { readonly before: HostAnswers; readonly after: HostAnswers } | null;
  /** the host the last chapter's version fails on */
  readonly failingHost: string | null;
  readonly failedRequests: number;
}

/** Hosts on which any step of the release was begun. */
export function touchedHosts(release: ReleaseAnswer): readonly string[] {
  return release.batches.flatMap((batch) => batch.targets).filter((target) => target.attempts > 0).map((target) => target.host).sort();
}

/** Everything that is not as it should be, one sentence each; empty = the chapter ended well. */
export function complaintsAbout(told: Told): readonly string[] {
  const { chapter, release } = told;
  return [
    ...(release.status === chapter.ends ? [] : [`it ended ${release.status} instead of ${chapter.ends}${release.failure === null ? '' : ` (${release.failure.message})`}`]),
    ...(told.failedRequests === 0 ? [] : [`${told.failedRequests} requests failed`]),
    ...aboutTouched(told),
    ...aboutWitnesses(told),
  ];
}

function aboutTouched({ chapter, release, failingHost }: Told): readonly string[] {
  const touched = touchedHosts(release);
  const expected = expectedTouched(chapter, release, failingHost);
  const same = touched.join() === [...expected].sort().join();
  return same ? [] : [`touched were ${touched.join(', ') || 'no hosts'}, expected were ${[...expected].sort().join(', ')}`];
}

/** A good release touches all; the silent one its bastion; the last one everything up to and including batch 2, as far as it was begun there. */
function expectedTouched(chapter: Chapter, release: ReleaseAnswer, failingHost: string | null): readonly string[] {
  const hostsOf = (batch: ReleaseAnswer['batches'][number]): readonly string[] => batch.targets.map((target) => target.host);
  if (chapter.ends === 'succeeded') return release.batches.flatMap(hostsOf);
  if (chapter.behaviour === 'never-answer') return release.batches.filter((batch) => batch.kind === 'bastion').flatMap(hostsOf);
  const before = release.batches.filter((batch) => batch.index < FAILING_BATCH).flatMap(hostsOf);
  const last = release.batches.find((batch) => batch.index === FAILING_BATCH)?.targets.filter((target) => target.attempts > 0 || target.host === failingHost) ?? [];
  return [...before, ...last.map((target) => target.host)];
}

/** The applications' own word: versions are as they must be, exactly the touched ones were started anew. */
function aboutWitnesses({ chapter, release, witnesses }: Told): readonly string[] {
  if (witnesses === null) return [];
  const { before, after } = witnesses;
  const complaints: string[] = [];
  for (const [host, answer] of Object.entries(after)) {
    if (answer?.version !== chapter.leaves) complaints.push(`${host} answers ${answer === null ? 'nothing' : answer.version} instead of ${chapter.leaves}`);
  }
  const touched = touchedHosts(release);
  for (const [host, answer] of Object.entries(after)) {
    const earlier = before[host];
    if (!earlier || !answer) continue;
    if (touched.includes(host) && earlier.pid === answer.pid) complaints.push(`${host} was touched, yet its process ${answer.pid} never changed`);
    if (!touched.includes(host) && earlier.pid !== answer.pid) complaints.push(`${host} was not touched, yet its process changed from ${earlier.pid} to ${answer.pid}`);
  }
  return complaints;
}
