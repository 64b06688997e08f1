/** Where a followed release is shown: a tree redrawn in place on a terminal, one line per change everywhere else. */
import { createLogUpdate } from 'log-update';
import type { FollowListener } from '../follow.ts';
import type { Release, ReleaseEvent } from '../release.ts';
import { isLive } from '../surroundings.ts';
import type { Surroundings } from '../surroundings.ts';
import { storyTeller } from './event-line.ts';
import { marked, toneOf } from './glyphs.ts';
import { renderTree } from './tree.ts';

/** `close` leaves the last picture standing and gives the terminal back. */
export interface Screen extends FollowListener {
  close(): void;
}

export interface ScreenOptions {
  readonly color: boolean;
  readonly verbose: boolean;
}

const TICK_MS = 1000;

export function openScreen(surroundings: Surroundings, options: ScreenOptions): Screen {
  return isLive(surroundings) ? new LiveScreen(surroundings, options) : new PlainScreen(surroundings, options);
}

class LiveScreen implements Screen {
  readonly #draw: ReturnType<typeof createLogUpdate>;
  readonly #surroundings: Surroundings;
  readonly #options: ScreenOptions;
  readonly #ticker: NodeJS.Timeout;
  #release: Release | null = null;
  #trouble: string | null = null;

  constructor(surroundings: Surroundings, options: ScreenOptions) {
    this.#surroundings = surroundings;
    this.#options = options;
    this.#draw = createLogUpdate(surroundings.stdout);
    this.#ticker = setInterval(() => this.#redraw(), TICK_MS);
    this.#ticker.unref();
  }

  onRelease(release: Release): void {
    this.#release = release;
    this.#trouble = null;
    this.#redraw();
  }

  onEvents(): void {
    this.#trouble = null;
  }

  onTrouble(message: string): void {
    this.#trouble = message;
    this.#redraw();
  }

  close(): void {
    clearInterval(this.#ticker);
    this.#redraw();
    this.#draw.done();
  }

  #redraw(): void {
    if (this.#release === null) return;
    const { columns = 80, rows = 24 } = this.#surroundings.stdout;
    const lines = renderTree(this.#release, { color: this.#options.color, columns, rows, nowMs: Date.now() });
    if (this.#trouble !== null) lines.push(marked('warn', this.#trouble, this.#options.color));
    this.#draw(lines.join('\n'));
  }
}

class PlainScreen implements Screen {
  readonly #surroundings: Surroundings;
  readonly #options: ScreenOptions;
  readonly #tell: (event: ReleaseEvent) => string | null;
  #status: string | null = null;
  #waiting: string | null = null;

  constructor(surroundings: Surroundings, options: ScreenOptions) {
    this.#surroundings = surroundings;
    this.#options = options;
    this.#tell = storyTeller(options);
  }

  /** Events tell of every change but two: where the watch begins, and waits that no event announces. */
  onRelease(release: Release): void {
    if (this.#status === null) this.#line(marked(toneOf(release.status), `${release.id} ${release.status}`, this.#options.color));
    this.#status = release.status;
    const waiting = release.waiting?.sentence ?? null;
    if (waiting !== null && waiting !== this.#waiting && release.paused === null) this.#line(marked('held', waiting, this.#options.color));
    this.#waiting = waiting;
  }

  onEvents(events: readonly ReleaseEvent[]): void {
    for (const event of events) {
      const line = this.#tell(event);
      if (line !== null) this.#line(line);
    }
  }

  onTrouble(message: string): void {
    this.#surroundings.stderr.write(`${message}\n`);
  }

  close(): void {}

  #line(text: string): void {
    this.#surroundings.stdout.write(`${text}\n`);
  }
}
