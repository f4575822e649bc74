import type { TranslationBundle } from '@jupyterlab/translation';

/**
 * Return a moment of ISO 8601 in the reader's own time and manner.
 *
 * @param style - `short` leaves the seconds out, `day` the time.
 */
export function momentOf(
  at: string,
  style: 'day' | 'short' | 'medium' = 'medium'
): string {
  const moment = new Date(at);
  return Number.isNaN(moment.getTime())
    ? at
    : new Intl.DateTimeFormat(document.documentElement.lang || undefined, {
        dateStyle: 'medium',
        timeStyle: style === 'day' ? undefined : style
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
