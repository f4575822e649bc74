import type { IHandedIn } from './frames';

/**
 * How far the learner is with an exercise; `graded` is what was handed in and commented on.
 */
export type ExerciseState =
  'new' | 'started' | 'passed' | 'submitted' | 'graded';

/**
 * A course in the list of the learner's courses.
 */
export interface ICourseEntry {
  readonly id: string;
  readonly title: string;
  readonly summary: string;
}

/**
 * An exercise of a course.
 */
export interface IExercise {
  readonly id: string;
  readonly unit: string;
  readonly title: string;
  readonly summary: string;
  readonly skills: readonly string[];
  readonly difficulty: number;
  readonly minutes: number;
  readonly version: string;
  readonly points: number;
  /** When it has to be handed in, in ISO 8601, where it has to. */
  readonly due?: string | null;
}

/**
 * What the learner has reached in an exercise; once it is handed in, the points are those of the newest submission.
 */
export interface IProgress {
  readonly state: ExerciseState;
  readonly points: number;
  readonly max_points: number;
  /** Whether all of it is passed, handed in or not. */
  readonly solved: boolean;
}

/**
 * Return whether an exercise was handed in; its points are then those of the newest submission.
 */
export function isHandedIn(
  progress: IProgress | undefined
): progress is IProgress {
  return progress?.state === 'submitted' || progress?.state === 'graded';
}

/**
 * A course with its exercises and the learner's progress.
 */
export interface ICourse extends ICourseEntry {
  readonly units: readonly {
    readonly id: string;
    readonly title: string;
    readonly exercises: readonly string[];
  }[];
  readonly exercises: readonly IExercise[];
  readonly progress?: Readonly<Record<string, IProgress>>;
}

/**
 * Why something is recommended: a code with its parameters, and the same in English.
 */
export interface IReason {
  readonly code: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/**
 * A recommended exercise; `p` is the chance to solve it, where the model knows one.
 */
export interface IRecommendation {
  readonly exercise: string;
  readonly title: string;
  readonly p: number | null;
  readonly minutes: number;
  readonly difficulty: number;
  readonly skills: readonly string[];
  readonly why: IReason;
}

/**
 * What to do next; `done` says that everything is solved.
 */
export interface INext {
  readonly course: string;
  readonly items: readonly IRecommendation[];
  readonly done?: boolean;
}

/**
 * How well the learner knows a skill, from 0 to 1; `spread` is how far off that may well be.
 */
export interface ISkill {
  readonly id: string;
  readonly title: string;
  readonly mastery: number;
  readonly spread?: number;
  readonly attempts: number;
}

/**
 * Where an exercise was placed in the learner's files.
 */
export interface IOpened {
  readonly path: string;
  readonly version: string;
  readonly created: boolean;
  readonly updated: boolean;
  readonly kept: string | null;
}

/**
 * What a learner can say about an exercise.
 */
export type Reaction = 'opened' | 'hint' | 'too-easy' | 'too-hard' | 'not-now';

/**
 * A report for the attempt log.
 */
export interface IEvent {
  readonly course: string;
  readonly exercise: string;
  readonly kind: Reaction;
  readonly cell?: string;
  readonly check?: string;
  readonly level?: number;
}

/**
 * What an instructor says about a submission, or about one cell of it.
 */
export interface IComment {
  readonly id: string;
  readonly author: string;
  readonly text: string;
  readonly cell: string | null;
  readonly at: string;
}

/**
 * A submission in the list of the learner's submissions.
 */
export interface ISubmission extends IHandedIn {
  readonly comments: readonly IComment[];
}
