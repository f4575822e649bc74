import type { IKeep } from './live';
import type { Request } from './tokens';

const KEY = 'nbcoach:pending';

/**
 * Keeps checks and submissions in the session storage of this tab, so that a page that is loaded
 * again goes on where it was. Another tab has a storage of its own and never sends them too.
 */
export class SessionKeep implements IKeep {
  constructor(private readonly _storage: Storage) {}

  load(): readonly Request[] {
    try {
      const found: unknown = JSON.parse(this._storage.getItem(KEY) ?? '[]');
      return Array.isArray(found) ? (found as Request[]) : [];
    } catch {
      return [];
    }
  }

  save(requests: readonly Request[]): void {
    const kept = requests.filter(({ type }) => type !== 'hint');
    try {
      if (kept.length === 0) {
        this._storage.removeItem(KEY);
      } else {
        this._storage.setItem(KEY, JSON.stringify(kept));
      }
    } catch {
      // The storage is full or forbidden: then requests live as long as the page.
    }
  }
}
