import type { IProgress } from './tokens';

/**
 * Return whether an exercise was handed in; its points are then those of the newest submission.
 */
export function isHandedIn(
  progress: IProgress | undefined
): progress is IProgress {
  return progress?.state === 'submitted' || progress?.state === 'graded';
}
