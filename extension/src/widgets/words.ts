import type { TranslationBundle } from '@jupyterlab/translation';
import type { CheckStatus } from '../exercise';
import type { ExerciseState, Verdict } from '../tokens';

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
    case 'saving':
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
    case 'passed':
      return { sign: '✓', word: trans.__('Passed') };
    case 'started':
      return { sign: '◐', word: trans.__('Started') };
    default:
      return { sign: '○', word: trans.__('New') };
  }
}

/**
 * Return a number without needless digits.
 */
export function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/**
 * Return "1 of 2 points".
 */
export function pointsOf(
  points: number,
  max: number,
  trans: TranslationBundle
): string {
  return trans.__('%1 of %2 points', short(points), short(max));
}

/**
 * Return "2 points".
 */
export function worth(max: number, trans: TranslationBundle): string {
  return max === 1 ? trans.__('1 point') : trans.__('%1 points', short(max));
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
