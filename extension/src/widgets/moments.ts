import type { TranslationBundle } from '@jupyterlab/translation';

/**
 * Return a moment of ISO 8601 in the reader's own time and manner.
 */
export function momentOf(at: string): string {
  const moment = new Date(at);
  return Number.isNaN(moment.getTime())
    ? at
    : new Intl.DateTimeFormat(document.documentElement.lang || undefined, {
        dateStyle: 'medium',
        timeStyle: 'medium'
      }).format(moment);
}

/**
 * Return whether work came in time, in words; empty where nothing was due.
 */
export function inTimeWords(
  due: string | null,
  late: boolean,
  trans: TranslationBundle
): string {
  if (due === null) {
    return '';
  }
  return late
    ? trans.__('Late: it was due %1', momentOf(due))
    : trans.__('In time: it is due %1', momentOf(due));
}
