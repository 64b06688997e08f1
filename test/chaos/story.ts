/** What users do in one round, pool by pool: ask for a release, good or bad, and steer it at some moment. Everything is drawn from the seed. */
import { setTimeout as delay } from 'node:timers/promises';
import { isTerminal, type Status } from '../../domain/vocabulary.ts';
import { until } from '../support/until.ts';
import { nowMs } from './clock.ts';
import { LONG_BAKE } from './fleet.ts';
import type { ChaosClient } from './client.ts';
import type { ChaosPool } from './fleet.ts';
import type { ChaosStack } from './stack.ts';

/** `storm`: its bastion bakes for long, and operators pause and resume it all the while. */
export type Plot = 'good' | 'good-paused' | 'rolled-back' | 'aborted' | 'bad' | 'storm';

export interface Story {
  readonly pool: ChaosPool;
  readonly plot: Plot;
  readonly version: string;
  /** after the first host has come back into service; so the story begins to turn when there is something to turn */
  readonly turnAfterMs: number;
  /** unique; part of every reason, so that events can be told apart */
  readonly mark: string;
}

const PLOTS: readonly Plot[] = ['good', 'good-paused', 'rolled-back', 'aborted', 'bad'];
/** A bad build takes connections and says nothing. */
const BAD = 'never-answer';
const LOOK_MS = 150;
/** A release that paused by itself is taken back by its operator, after a moment in which it might have gone on. */
const OPERATOR_MS = 3_000;
const STORY_MS_MAX = 120_000;
const STORM_MS = 12_000;

export function drawStory(random: () => number, pool: ChaosPool, at: { readonly mark: string; readonly plots?: readonly Plot[] }): Story {
  const plots = at.plots ?? PLOTS;
  const plot = plots[Math.floor(random() * plots.length)] ?? 'good';
  return { pool, plot, version: `1.${at.mark.replace(/[^0-9.]+/g, '.').replace(/^\.+|\.+$/g, '')}`, turnAfterMs: Math.round(random() * 1_500), mark: `${at.mark}-${pool.pool}` };
}

export function publish(stack: ChaosStack, story: Story): Promise<void> {
  return stack.publish(story.pool, story.version, story.plot === 'bad' ? BAD : null);
}

/** Plays it to the end of its release. Answers the release, null when there is none. */
export async function play(stack: ChaosStack, client: ChaosClient, story: Story): Promise<string | null> {
  const { pool, plot, version, mark } = story;
  const release = await client.release(pool.pool, pool.application, version, `${mark}-release`, plot === 'storm' ? { strategy: LONG_BAKE } : {});
  if (release === null) return null;
  const ended = following(client, release, mark);
  const carrier = await turn(stack, client, { ...story, release });
  await ended;
  // A release that had ended before its rollback was asked for is taken back by another one.
  if (carrier !== null && carrier !== release) await following(client, carrier, `${mark}-back`);
  // A person's rollback holds the application, and what follows is another story.
  if (plot !== 'good' && plot !== 'good-paused') await client.setUp('POST', `/v1/applications/${pool.application}/lift`, { reason: 'the next round' }).catch(() => undefined);
  return release;
}

/** The release that carries out what was asked; null where nothing was. */
async function turn(stack: ChaosStack, client: ChaosClient, { plot, release, mark, turnAfterMs }: Story & { readonly release: string }): Promise<string | null> {
  if (plot === 'storm') return storm(stack, client, { release, mark });
  if (plot === 'good' || plot === 'bad' || !(await firstHostServes(stack, client, release))) return null;
  await delay(turnAfterMs);
  if (plot === 'rolled-back') return client.command(release, 'rollback', `${mark}-rollback`, { mode: 'regular' });
  if (plot === 'aborted') return client.command(release, 'abort', `${mark}-abort`);
  if ((await client.command(release, 'pause', `${mark}-pause`)) === null) return null;
  await delay(turnAfterMs);
  return client.command(release, 'resume', `${mark}-resume`);
}

/** Two operators of one mind each, who do not ask one another, until the storm is over; then the release is aborted. */
async function storm({ observer }: ChaosStack, client: ChaosClient, { release, mark }: { readonly release: string; readonly mark: string }): Promise<string | null> {
  await until('the bake', async () => observer.events.some((logged) => logged.release === release && logged.event.type === 'bake-started'), STORY_MS_MAX);
  const endMs = nowMs() + STORM_MS;
  await Promise.all(['one', 'other'].map(async (operator) => {
    for (let sent = 0; nowMs() < endMs; sent += 1) await client.command(release, sent % 2 === 0 ? 'pause' : 'resume', `${mark}-${operator}-${sent}`);
  }));
  return client.command(release, 'abort', `${mark}-abort`);
}

/** False when the release ended before. */
async function firstHostServes(stack: ChaosStack, client: ChaosClient, release: string): Promise<boolean> {
  const endMs = nowMs() + STORY_MS_MAX;
  while (nowMs() < endMs) {
    if (stack.observer.events.some((logged) => logged.release === release && logged.event.type === 'target-step-succeeded' && logged.event.data.step === 'admit')) return true;
    const seen = await client.read(`/v1/releases/${release}`);
    if (seen !== null && isTerminal(seen['status'] as Status)) return false;
    await delay(LOOK_MS);
  }
  return false;
}

/** Until the release is over. One that stands paused, and nobody of this story means to resume it, is taken back. */
async function following(client: ChaosClient, release: string, mark: string): Promise<void> {
  const endMs = nowMs() + STORY_MS_MAX;
  let pausedMs: number | null = null;
  let helped = 0;
  while (nowMs() < endMs) {
    const seen = await client.read(`/v1/releases/${release}`);
    if (seen !== null && isTerminal(seen['status'] as Status)) return;
    const paused = seen?.['paused'] as { readonly cause: string } | null | undefined;
    const isOwn = paused?.cause === 'operator';
    pausedMs = paused && !isOwn ? (pausedMs ?? nowMs()) : null;
    if (pausedMs !== null && nowMs() - pausedMs > OPERATOR_MS) {
      helped += 1;
      await client.command(release, 'rollback', `${mark}-help-${helped}`, { mode: 'regular' });
      pausedMs = null;
    }
    await delay(LOOK_MS);
  }
}
