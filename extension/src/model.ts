import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';
import { Checks } from './checks';
import {
  type ICourse,
  type ICourseEntry,
  type INext,
  type IOpened,
  type IProgress,
  type ISkill,
  isHandedIn,
  type Reaction
} from './course';
import type { IFeedback } from './frames';
import type { LiveConnection } from './live';
import { type ILoaded, messageOf, nothing, settle } from './loaded';
import { News } from './news';
import type { Phrasebook } from './phrases';
import type { ICoachService } from './request';
import { Submissions } from './submissions';

const STALE_MS = 5000;

/**
 * The learner's courses and what is next; beside them his checks, submissions and news.
 */
export class CoachModel implements IDisposable {
  constructor(
    private readonly _service: ICoachService,
    private readonly _live: LiveConnection
  ) {
    this.checks = new Checks(_live);
    this.submissions = new Submissions(_service, _live);
    this.news = new News(_service, _live);
    this.checks.judged.connect((_, { feedback }) => {
      if (feedback) {
        this._credit(feedback);
      }
    });
    this.submissions.handedIn.connect((_, receipt) => {
      if (receipt.course === this._courseId) {
        this._seen = Math.max(this._seen ?? 0, receipt.cursor) || undefined;
        void this._refreshCourse();
      }
    });
    this.news.noticed.connect((_, { course }) => {
      this.submissions.renew(course); // a comment or new points may have come
      if (course === this._courseId) {
        void this._refreshCourse();
      }
    });
  }

  /** The checks under way. */
  readonly checks: Checks;

  /** What the learner has handed in. */
  readonly submissions: Submissions;

  /** What the learner should know. */
  readonly news: News;

  /**
   * Say the servers' words in the learner's language from now on; until then they are English.
   */
  speak(phrases: Phrasebook): void {
    this._phrases = phrases;
    this._live.translate = reply => phrases.reply(reply);
  }

  /** Emitted when anything that the panel shows has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The learner's courses. */
  get courses(): ILoaded<readonly ICourseEntry[]> {
    return this._courses;
  }

  /** The chosen course. */
  get course(): ILoaded<ICourse> {
    return this._course;
  }

  /** The id of the chosen course. */
  get courseId(): string | null {
    return this._courseId;
  }

  /** What to do next in the chosen course. */
  get next(): ILoaded<INext> {
    return this._next;
  }

  /** The learner's skills in the chosen course. */
  get skills(): ILoaded<readonly ISkill[]> {
    return this._skills;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /**
   * Fetch the courses, and all about the chosen one.
   */
  async refresh(): Promise<void> {
    this._courses = { ...this._courses, loading: true, error: null };
    this._changed.emit();
    try {
      const courses = await this._service.courses();
      this._courses = { value: courses, loading: false, error: null };
      if (!courses.some(course => course.id === this._courseId)) {
        this._forget(courses[0]?.id ?? null);
      }
    } catch (error) {
      this._courses = {
        ...this._courses,
        loading: false,
        error: this._why(error)
      };
    }
    this._changed.emit();
    await this._refreshCourse();
  }

  /**
   * Fetch all about the chosen course again if that was a while ago: another tab may have changed it.
   */
  async renew(): Promise<void> {
    if (Date.now() - this._fetched > STALE_MS) {
      await this._refreshCourse();
    }
  }

  /**
   * Choose the course that the panel shows.
   */
  async choose(course: string): Promise<void> {
    if (course !== this._courseId) {
      this._forget(course);
      this._changed.emit();
      await this._refreshCourse();
    }
  }

  /**
   * Make ready for checks.
   */
  connect(): void {
    this._live.connect();
  }

  /**
   * Place an exercise into the learner's files, and note that it was opened.
   */
  async open(course: string, exercise: string): Promise<IOpened> {
    const opened = await this._service.open(course, exercise);
    void this._service
      .report({ course, exercise, kind: 'opened' })
      .catch(() => undefined);
    return opened;
  }

  /**
   * Put the starter in the place of the learner's notebook, which is kept beside it.
   */
  reset(course: string, exercise: string): Promise<IOpened> {
    return this._service.reset(course, exercise);
  }

  /**
   * Return what stood in an answer cell at the beginning.
   */
  starter(course: string, exercise: string, cell: string): Promise<string> {
    return this._service.starter(course, exercise, cell);
  }

  /**
   * Report what the learner says about an exercise, and ask again what is next.
   */
  async react(course: string, exercise: string, kind: Reaction): Promise<void> {
    this._next = { ...this._next, loading: true, error: null };
    this._changed.emit();
    try {
      const cursor = await this._service.report({ course, exercise, kind });
      await this._refreshAdvice(cursor);
    } catch (error) {
      this._next = { ...this._next, loading: false, error: this._why(error) };
      this._changed.emit();
    }
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this.checks.dispose();
      this.submissions.dispose();
      this.news.dispose();
      this._live.dispose();
      Signal.clearData(this);
    }
  }

  private _forget(course: string | null): void {
    this._courseId = course;
    this._course = nothing();
    this._next = nothing();
    this._skills = nothing();
  }

  private async _refreshCourse(): Promise<void> {
    const id = this._courseId;
    if (id === null) {
      return;
    }
    this._fetched = Date.now();
    this._course = { ...this._course, loading: true, error: null };
    this._changed.emit();
    const advice = this._refreshAdvice(undefined);
    const course = await this._settle(this._course, () =>
      this._service.course(id)
    );
    if (id === this._courseId) {
      this._course = course;
      this._changed.emit();
    }
    await advice;
  }

  /**
   * Fetch what is next and the skills, as of the newest place in the log that is known. Of several calls the last counts.
   */
  private async _refreshAdvice(
    seen: number | undefined,
    request?: string
  ): Promise<void> {
    const id = this._courseId;
    if (id === null) {
      return;
    }
    const round = ++this._round;
    this._seen = Math.max(this._seen ?? 0, seen ?? 0) || undefined;
    const cursor = this._seen;
    this._next = { ...this._next, loading: true, error: null };
    this._skills = { ...this._skills, loading: true, error: null };
    this._changed.emit();
    const next = await this._settle(this._next, () =>
      this._service.next(id, cursor, request)
    );
    if (round !== this._round) {
      return;
    }
    this._next = next;
    this._changed.emit();
    // After `next`, as that has waited until the recommender knows the attempt.
    const skills = await this._settle(this._skills, () =>
      this._service.mastery(id)
    );
    if (round === this._round) {
      this._skills = skills;
      this._changed.emit();
    }
  }

  /**
   * Enter the points of a judged question, and ask what is next now.
   */
  private _credit(feedback: IFeedback): void {
    const course = this._course.value;
    if (course?.id !== feedback.course) {
      return;
    }
    const former = course.progress?.[feedback.exercise];
    const progress: IProgress = isHandedIn(former)
      ? { ...former, solved: former.solved || feedback.solved }
      : {
          state: feedback.solved ? 'passed' : 'started',
          points: feedback.exercise_points,
          max_points: feedback.exercise_max_points,
          solved: feedback.solved
        };
    this._course = {
      ...this._course,
      value: {
        ...course,
        progress: { ...course.progress, [feedback.exercise]: progress }
      }
    };
    this._changed.emit();
    void this._refreshAdvice(feedback.cursor, feedback.request);
  }

  private _settle<T>(
    former: ILoaded<T>,
    fetch: () => Promise<T>
  ): Promise<ILoaded<T>> {
    return settle(former, fetch, error => this._why(error));
  }

  private _why(error: unknown): string {
    const message = messageOf(error);
    return this._phrases?.say(message) ?? message;
  }

  private readonly _changed = new Signal<this, void>(this);
  private _courses: ILoaded<readonly ICourseEntry[]> = nothing();
  private _course: ILoaded<ICourse> = nothing();
  private _next: ILoaded<INext> = nothing();
  private _skills: ILoaded<readonly ISkill[]> = nothing();
  private _phrases: Phrasebook | null = null;
  private _courseId: string | null = null;
  private _fetched = 0;
  private _round = 0;
  private _seen: number | undefined;
  private _isDisposed = false;
}
