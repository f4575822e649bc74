import type { TranslationBundle } from '@jupyterlab/translation';
import type { INotification } from '../frames';
import { short } from './words';

/**
 * Return a notification as a sentence.
 */
export function sentenceOf(
  { kind, title, detail }: INotification,
  trans: TranslationBundle
): string {
  switch (kind) {
    case 'comment':
      return trans.__(
        '%1 wrote about your work on “%2”: %3',
        text(detail.author),
        title,
        text(detail.text)
      );
    case 'released':
      return trans.__('There is a new exercise: “%1”.', title);
    case 'updated':
      return updateWords(title, trans);
    case 'regraded':
      return trans.__(
        'Your work on “%1” was graded again: %2 of %3 points, formerly %4.',
        title,
        short(Number(detail.after), trans),
        short(Number(detail.max_points), trans),
        short(Number(detail.before), trans)
      );
    default:
      return title;
  }
}

/**
 * Return that an exercise has a new version.
 */
export function updateWords(title: string, trans: TranslationBundle): string {
  return trans.__(
    '“%1” has a new version. Your answers are carried over when you open it.',
    title
  );
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
