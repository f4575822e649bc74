import { UUID } from '@lumino/coreutils';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';
import { ExerciseState } from './exercise';
import type { ICellSource, ICheckRequest, IFeedback, Reply } from './frames';
import type { LiveConnection } from './live';

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
 * The checks and hints under way, and what is known of each open notebook.
 */
export class Checks implements IDisposable {
  constructor(private readonly _live: LiveConnection) {
    for (const request of _live.restored) {
      if (request.type === 'check') {
        this._restored.set(request.request, request);
      }
    }
    _live.received.connect(this._onReply, this);
    _live.held.connect(this._onHeld, this);
  }

  /** Emitted when a check came to an end. */
  get judged(): ISignal<this, IJudged> {
    return this._judged;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
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

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  private _onReply(_: LiveConnection, reply: Reply): void {
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
  private readonly _judged = new Signal<this, IJudged>(this);
  private _isDisposed = false;
}
