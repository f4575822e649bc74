import { UUID } from '@lumino/coreutils';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';
import { ExerciseState } from './exercise';
import type { LiveConnection } from './live';
import { type ILoaded, messageOf, nothing, settle } from './loaded';
import type { Phrasebook } from './phrases';
import { isHandedIn } from './progress';
import type { ICoachService } from './request';
import type {
  ICellSource,
  ICheckRequest,
  ICourse,
  ICourseEntry,
  IFeedback,
  INext,
  IOpened,
  IProgress,
  ISkill,
  Reaction,
  Reply
} from './tokens';
import { Work } from './work';

/**
 * A check that came to an end, for whoever announces it.
 */
export interface IJudged {
  readonly state: ExerciseState;
  readonly cell: string;
  readonly feedback: IFeedback | null;
  readonly failure: string | null;
}

interface IPending {
  readonly state: ExerciseState;
  readonly cell: string;
  readonly check: string | null;
  readonly source: string | null;
}

/**
 * The learner's courses, what is next, and the checks under way.
 */
export class CoachModel implements IDisposable {
  constructor(
    private readonly _service: ICoachService,
    private readonly _live: LiveConnection
  ) {
    this.work = new Work(_service, _live);
    this.work.handedIn.connect((_, receipt) => {
      if (receipt.course === this._courseId) {
        this._seen = Math.max(this._seen ?? 0, receipt.cursor) || undefined;
        void this._refreshCourse();
      }
    });
    this.work.noticed.connect((_, { course }) => {
      if (course === this._courseId) {
        void this._refreshCourse();
      }
    });
    for (const request of _live.restored) {
      if (request.type === 'check') {
        this._restored.set(request.request, request);
      }
    }
    _live.received.connect(this._onReply, this);
    _live.held.connect(this._onHeld, this);
  }

  /** Says the servers' words in the learner's language; null where that is theirs, English. */
  phrases: Phrasebook | null = null;

  /** What the learner has handed in, and what he should know. */
  readonly work: Work;

  /** Emitted when anything that the panel shows has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted when a check came to an end. */
  get judged(): ISignal<this, IJudged> {
    return this._judged;
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
   * Return what is known of an open notebook.
   *
   * @param key - an object that lives as long as the notebook and is shared by its views.
   */
  exercise(
    key: object,
    named: { course: string; exercise: string; version: string }
  ): ExerciseState {
    let state = this._exercises.get(key);
    if (
      !state ||
      state.course !== named.course ||
      state.exercise !== named.exercise ||
      state.version !== named.version
    ) {
      state = new ExerciseState(named.course, named.exercise, named.version);
      this._exercises.set(key, state);
      this._adopt(state);
    }
    return state;
  }

  /**
   * Make ready for checks.
   */
  connect(): void {
    this._live.connect();
  }

  /**
   * Have an answer cell judged. The notebook is saved meanwhile: the check carries the sources itself.
   *
   * @param save - saves the notebook; a check is sent even where that fails.
   * @param sources - returns the code cells.
   */
  async check(
    state: ExerciseState,
    cell: string,
    save: () => Promise<void>,
    sources: () => readonly ICellSource[]
  ): Promise<void> {
    const { status, request: former } = state.cell(cell);
    if (status !== 'idle' && status !== 'offline') {
      return;
    }
    if (former !== null) {
      this._forgetRequest(former);
    }
    const cells = sources();
    const source = cells.find(item => item.grade_id === cell)?.source ?? '';
    const request = UUID.uuid4();
    this._pending.set(request, { state, cell, check: null, source });
    state.update(cell, { status: 'queued', request, failure: null });
    this._live.send({
      type: 'check',
      request,
      course: state.course,
      exercise: state.exercise,
      version: state.version,
      cell,
      cells
    });
    try {
      await save();
    } catch {
      // The notebook's own dialog tells that it was not saved.
    }
  }

  /**
   * Ask for the next rung of a check's hint ladder.
   */
  hint(state: ExerciseState, cell: string, check: string): void {
    const { texts, pending } = state.hints(cell, check);
    if (pending) {
      return;
    }
    const request = UUID.uuid4();
    const { course, exercise } = state;
    const level = texts.length + 1;
    this._pending.set(request, { state, cell, check, source: null });
    state.updateHints(cell, check, { pending: true, failure: null });
    this._live.send({
      type: 'hint',
      request,
      course,
      exercise,
      cell,
      check,
      level
    });
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
      this.work.dispose();
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

  private _onReply(_: LiveConnection, received: Reply): void {
    const reply = this.phrases?.reply(received) ?? received;
    const pending =
      reply.request === null ? undefined : this._pending.get(reply.request);
    if (pending === undefined || reply.request === null) {
      if (reply.request !== null && this._restored.has(reply.request)) {
        this._early.set(reply.request, reply);
      }
      return;
    }
    const { state, cell, check } = pending;
    if (reply.type === 'progress') {
      if (check === null) {
        state.update(cell, { status: reply.state });
      }
      return;
    }
    this._pending.delete(reply.request);
    if (reply.type === 'failure') {
      this._fail(pending, reply.message);
    } else if (reply.type === 'hint-text') {
      state.addHint(cell, reply);
    } else if (reply.type === 'feedback') {
      state.update(cell, { source: pending.source });
      state.judge(cell, reply);
      this._judged.emit({ state, cell, feedback: reply, failure: null });
      this._credit(reply);
    }
  }

  private _fail({ state, cell, check }: IPending, message: string): void {
    if (check !== null) {
      state.updateHints(cell, check, { pending: false, failure: message });
      return;
    }
    state.update(cell, { status: 'idle', request: null, failure: message });
    this._judged.emit({ state, cell, feedback: null, failure: message });
  }

  private _onHeld(_: LiveConnection, request: string): void {
    const pending = this._pending.get(request);
    if (pending && pending.check === null) {
      pending.state.update(pending.cell, { status: 'offline' });
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
    return this.phrases?.say(message) ?? message;
  }

  /**
   * Take up the checks that a page before this one asked for, once their notebook is open again.
   */
  private _adopt(state: ExerciseState): void {
    for (const [request, frame] of this._restored) {
      if (
        frame.course === state.course &&
        frame.exercise === state.exercise &&
        frame.version === state.version
      ) {
        this._restored.delete(request);
        const { cell, cells } = frame;
        const source = cells.find(item => item.grade_id === cell)?.source ?? '';
        this._pending.set(request, { state, cell, check: null, source });
        const status = this._live.isHeld(request) ? 'offline' : 'queued';
        state.update(cell, { status, request });
        const early = this._early.get(request);
        this._early.delete(request);
        if (early) {
          this._onReply(this._live, early);
        }
      }
    }
  }

  private _forgetRequest(request: string): void {
    this._pending.delete(request);
    this._live.cancel(request);
  }

  private readonly _pending = new Map<string, IPending>();
  private readonly _restored = new Map<string, ICheckRequest>();
  private readonly _early = new Map<string, Reply>();
  private readonly _exercises = new WeakMap<object, ExerciseState>();
  private readonly _changed = new Signal<this, void>(this);
  private readonly _judged = new Signal<this, IJudged>(this);
  private _courses: ILoaded<readonly ICourseEntry[]> = nothing();
  private _course: ILoaded<ICourse> = nothing();
  private _next: ILoaded<INext> = nothing();
  private _skills: ILoaded<readonly ISkill[]> = nothing();
  private _courseId: string | null = null;
  private _round = 0;
  private _seen: number | undefined;
  private _isDisposed = false;
}
