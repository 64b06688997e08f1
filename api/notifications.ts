/** One listener on the database, many streams: hands each release's id to whoever waits for it. */
import type { Notifications } from './deps.ts';

export interface NotificationHub extends Notifications {
  publish(release: string): void;
}

export function createNotificationHub(): NotificationHub {
  const waiting = new Map<string, Set<() => void>>();
  return {
    publish(release) {
      for (const onChange of waiting.get(release) ?? []) onChange();
    },
    subscribe(release, onChange) {
      const listeners = waiting.get(release) ?? new Set();
      waiting.set(release, listeners.add(onChange));
      return () => {
        listeners.delete(onChange);
        if (listeners.size === 0) waiting.delete(release);
      };
    },
  };
}
