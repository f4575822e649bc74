import type { IKeep } from './live';
import type { Request } from './frames';

const KEY = 'nbcoach:pending:';

/**
 * Keeps checks and submissions in the session storage of this tab, so that a page that is loaded
 * again goes on where it was. Another tab has a storage of its own and never sends them too.
 * On a hub all users' pages share one origin, so a learner's server has a place of its own there.
 */
export class SessionKeep implements IKeep {
  constructor(
    private readonly _storage: Storage,
    baseUrl: string
  ) {
    this._key = KEY + new URL(baseUrl, window.location.href).pathname;
  }

  load(): readonly Request[] {
    try {
      const found: unknown = JSON.parse(
        this._storage.getItem(this._key) ?? '[]'
      );
      return Array.isArray(found) ? (found as Request[]) : [];
    } catch {
      return [];
    }
  }

  save(requests: readonly Request[]): void {
    const kept = requests.filter(({ type }) => type !== 'hint');
    try {
      if (kept.length === 0) {
        this._storage.removeItem(this._key);
      } else {
        this._storage.setItem(this._key, JSON.stringify(kept));
      }
    } catch {
      // The storage is full or forbidden: then requests live as long as the page.
    }
  }

  private readonly _key: string;
}
