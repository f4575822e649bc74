import type { TranslationBundle } from '@jupyterlab/translation';
import type { CheckStatus } from '../exercise';
import type { ExerciseState } from '../course';
import type { IReference, Verdict } from '../frames';
import { momentOf } from './moments';

/**
 * A sign and a word, so that a state never shows by colour alone.
 */
export interface ISigned {
  readonly sign: string;
  readonly word: string;
}

/**
 * Return how a verdict is shown.
 */
export function verdictWords(
  verdict: Verdict,
  trans: TranslationBundle
): ISigned {
  switch (verdict) {
    case 'passed':
      return { sign: '✓', word: trans.__('Passed') };
    case 'not-attempted':
      return { sign: '○', word: trans.__('Not attempted') };
    case 'failed':
      return { sign: '✗', word: trans.__('Not yet') };
    case 'error':
      return { sign: '✗', word: trans.__('Error') };
    case 'timeout':
      return { sign: '✗', word: trans.__('Out of time') };
    case 'memory':
      return { sign: '✗', word: trans.__('Out of memory') };
    case 'crashed':
      return { sign: '✗', word: trans.__('Crashed') };
    default:
      return { sign: '!', word: trans.__('Could not be checked') };
  }
}

/**
 * Return how a running check is shown, or null where none runs.
 */
export function statusWords(
  status: CheckStatus,
  trans: TranslationBundle
): ISigned | null {
  switch (status) {
    case 'queued':
    case 'running':
      return { sign: '…', word: trans.__('Checking') };
    case 'offline':
      return { sign: '!', word: trans.__('Waiting for the grader') };
    default:
      return null;
  }
}

/**
 * Return how the state of an exercise is shown.
 */
export function exerciseWords(
  state: ExerciseState,
  trans: TranslationBundle
): ISigned {
  switch (state) {
    case 'graded':
      return { sign: '★', word: trans.__('Graded') };
    case 'submitted':
      return { sign: '↑', word: trans.__('Submitted') };
    case 'passed':
      return { sign: '✓', word: trans.__('Passed') };
    case 'started':
      return { sign: '◐', word: trans.__('Started') };
    default:
      return { sign: '○', word: trans.__('New') };
  }
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Nobody counts on his fingers to a later day: its date says more. */
const COUNTED_DAYS = 15;

/**
 * Return how much time there is until an exercise is due, or null where it has no date.
 */
export function dueWords(
  due: string | null | undefined,
  now: number,
  trans: TranslationBundle
): { readonly text: string; readonly soon: boolean } | null {
  const left = due ? Date.parse(due) - now : NaN;
  if (!due || Number.isNaN(left)) {
    return null;
  }
  if (left <= 0) {
    return { text: trans.__('overdue'), soon: true };
  }
  const soon = left < DAY;
  if (left < HOUR) {
    return { text: trans.__('due in %1 min', Math.ceil(left / MINUTE)), soon };
  }
  if (left < 2 * DAY) {
    return { text: trans.__('due in %1 h', Math.floor(left / HOUR)), soon };
  }
  if (left < COUNTED_DAYS * DAY) {
    return { text: trans.__('due in %1 days', Math.floor(left / DAY)), soon };
  }
  return { text: trans.__('due %1', momentOf(due, 'day')), soon };
}

/**
 * Return a number without needless digits, with the language's decimal separator.
 */
export function short(value: number, trans: TranslationBundle): string {
  const text = String(Math.round(value * 100) / 100);
  return text.replace('.', trans._p('decimal separator', '.'));
}

/**
 * Return "1 of 2 points".
 */
export function pointsOf(
  points: number,
  max: number,
  trans: TranslationBundle
): string {
  return trans._n(
    '%2 of %3 point',
    '%2 of %3 points',
    max,
    short(points, trans),
    short(max, trans)
  );
}

/**
 * Return "2 points".
 */
export function worth(max: number, trans: TranslationBundle): string {
  return trans._n('%2 point', '%2 points', max, short(max, trans));
}

/**
 * Return a difficulty from 1 to 5 in words.
 */
export function difficultyWord(
  difficulty: number,
  trans: TranslationBundle
): string {
  const words = [
    trans.__('First steps'),
    trans.__('Easy'),
    trans.__('Medium'),
    trans.__('Hard'),
    trans.__('Very hard')
  ];
  return words[Math.min(Math.max(Math.round(difficulty), 1), 5) - 1];
}

/**
 * Return "0.02 s · 4 MB".
 */
function costOf(cost: IReference, trans: TranslationBundle): string {
  const time =
    cost.seconds < 0.01
      ? trans.__('under %1 s', short(0.01, trans))
      : trans.__('%1 s', short(cost.seconds, trans));
  const memory =
    cost.peak_mb < 1
      ? trans.__('under 1 MB')
      : trans.__('%1 MB', Math.round(cost.peak_mb));
  return `${time} · ${memory}`;
}

/**
 * Return what the code took beside the reference solution, with a remark only where it is far slower.
 */
export function costWords(
  own: IReference,
  reference: IReference | null,
  trans: TranslationBundle
): string {
  const cost = costOf(own, trans);
  if (reference === null) {
    return cost;
  }
  const slow = own.seconds > 0.1 && own.seconds >= 10 * reference.seconds;
  return slow
    ? trans.__(
        '%1 — there is a much faster way: the reference takes %2',
        cost,
        costOf(reference, trans)
      )
    : trans.__('%1 — the reference takes %2', cost, costOf(reference, trans));
}
