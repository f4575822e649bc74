/**
 * What a check, a cell or an exercise can come to.
 */
export type Verdict =
  | 'passed'
  | 'not-attempted'
  | 'failed'
  | 'error'
  | 'timeout'
  | 'memory'
  | 'crashed'
  | 'grader-failed';

/**
 * A code cell as the grader takes it.
 */
export interface ICellSource {
  readonly id: string;
  readonly grade_id: string | null;
  readonly source: string;
}

/**
 * Frame to the grader: judge the question of an answer cell.
 */
export interface ICheckRequest {
  readonly type: 'check';
  readonly request: string;
  readonly course: string;
  readonly exercise: string;
  readonly version: string;
  readonly cell: string;
  readonly cells: readonly ICellSource[];
}

/**
 * Frame to the grader: show a hint.
 */
export interface IHintRequest {
  readonly type: 'hint';
  readonly request: string;
  readonly course: string;
  readonly exercise: string;
  readonly cell: string;
  readonly check: string;
  readonly level: number;
}

/**
 * Frame to the grader: hand in a notebook.
 */
export interface ISubmitRequest {
  readonly type: 'submit';
  readonly request: string;
  readonly course: string;
  readonly exercise: string;
  readonly version: string;
  readonly cells: readonly ICellSource[];
}

/**
 * The outcome of one check; a hidden one has no message.
 */
export interface ICheckResult {
  readonly id: string;
  readonly name: string;
  readonly verdict: Verdict;
  readonly hidden: boolean;
  readonly points: number;
  readonly max_points: number;
  readonly message: string | null;
  readonly hints: number;
  readonly explanation: string | null;
}

/**
 * A line of the learner's that an exception came through; `function` is "" outside of functions.
 */
export interface IPlace {
  readonly cell: string;
  readonly line: number;
  readonly text: string;
  readonly function: string;
  readonly times: number;
}

/**
 * An exception that the learner's own cell raised.
 */
export interface ILearnerError {
  readonly cell: string;
  readonly name: string;
  readonly message: string;
  readonly line: number | null;
  readonly text: string | null;
  readonly explanation: string | null;
  readonly trace: readonly IPlace[];
}

/**
 * Advice on a line of the learner's; it never changes points.
 */
export interface IStyleNote {
  readonly cell: string;
  readonly rule: string;
  readonly line: number;
  readonly text: string;
  readonly what: string;
  readonly why: string;
  readonly url: string | null;
}

/**
 * What the author's own solution takes.
 */
export interface IReference {
  readonly seconds: number;
  readonly peak_mb: number;
}

/**
 * Frame from the grader: a request is under way.
 */
export interface IProgressFrame {
  readonly type: 'progress';
  readonly request: string;
  readonly state: 'queued' | 'running';
}

/**
 * Frame from the grader: the judgement of a question.
 */
export interface IFeedback {
  readonly type: 'feedback';
  readonly request: string;
  readonly course: string;
  readonly exercise: string;
  readonly cell: string;
  readonly verdict: Verdict;
  readonly points: number;
  readonly max_points: number;
  readonly checks: readonly ICheckResult[];
  readonly error: ILearnerError | null;
  readonly output: string;
  readonly repairs: readonly string[];
  readonly seconds: number;
  readonly peak_mb: number;
  readonly cursor: number;
  readonly exercise_points: number;
  readonly exercise_max_points: number;
  readonly solved: boolean;
  readonly style: readonly IStyleNote[];
  readonly reference: IReference | null;
}

/**
 * Frame from the grader: one rung of a hint ladder.
 */
export interface IHintText {
  readonly type: 'hint-text';
  readonly request: string;
  readonly cell: string;
  readonly check: string;
  readonly level: number;
  readonly of: number;
  readonly text: string;
}

/**
 * What one question of a submission came to.
 */
export interface IQuestionResult {
  readonly cell: string;
  readonly verdict: Verdict;
  readonly points: number;
}

/**
 * What a receipt and a listed submission both tell. Times are ISO 8601; `hash` is the SHA-256 of the answers.
 */
export interface IHandedIn {
  readonly submission: string;
  readonly course: string;
  readonly exercise: string;
  readonly version: string;
  readonly at: string;
  readonly due: string | null;
  readonly late: boolean;
  readonly hash: string;
  readonly points: number;
  readonly max_points: number;
  readonly questions: readonly IQuestionResult[];
  readonly solved: boolean;
}

/**
 * Frame from the grader: a notebook was handed in.
 */
export interface IReceipt extends IHandedIn {
  readonly type: 'receipt';
  readonly request: string;
  readonly repairs: readonly string[];
  readonly cursor: number;
}

/**
 * Something that the learner should know; `title` is the exercise's.
 */
export interface INotification {
  readonly id: string;
  readonly course: string;
  readonly exercise: string;
  readonly kind: 'comment' | 'released' | 'updated' | 'regraded';
  readonly title: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly read: boolean;
  readonly at: string;
}

/**
 * Frame from the grader: a notification, by itself.
 */
export interface INotificationFrame extends INotification {
  readonly type: 'notification';
}

/**
 * Frame from the grader or the relay: a request could not be served.
 */
export interface IFailure {
  readonly type: 'failure';
  readonly request: string | null;
  readonly code: string;
  readonly message: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/**
 * Frames that the front end sends.
 */
export type Request = ICheckRequest | IHintRequest | ISubmitRequest;

/**
 * Frames that answer a request.
 */
export type Reply =
  IProgressFrame | IFeedback | IHintText | IReceipt | IFailure;
