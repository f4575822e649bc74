import { UUID } from '@lumino/coreutils';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';
import type { ISubmission } from './course';
import type { ICellSource, IReceipt, ISubmitRequest, Reply } from './frames';
import type { LiveConnection } from './live';
import { type ILoaded, nothing, settle } from './loaded';
import type { ICoachService } from './request';

/**
 * Where the handing in of an exercise stands; `offline` while it waits for the grader.
 */
export type SubmitStatus = 'idle' | 'saving' | 'sending' | 'offline';

/**
 * What is known of the handing in of an exercise on this page.
 */
export interface ISubmitState {
  readonly status: SubmitStatus;
  readonly request: string | null;
  readonly failure: string | null;
}

/**
 * The exercise that is handed in.
 */
export interface INamed {
  readonly course: string;
  readonly exercise: string;
  readonly version: string;
}

const IDLE: ISubmitState = { status: 'idle', request: null, failure: null };

/**
 * What the learner has handed in, and is handing in.
 */
export class Submissions implements IDisposable {
  constructor(
    private readonly _service: ICoachService,
    private readonly _live: LiveConnection
  ) {
    for (const request of _live.restored) {
      if (request.type === 'submit') {
        this._begin(request);
      }
    }
    _live.received.connect(this._onReply, this);
    _live.held.connect(this._onHeld, this);
  }

  /** Emitted when submissions or the state of one being sent have changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted with the receipt of a notebook that was handed in. */
  get handedIn(): ISignal<this, IReceipt> {
    return this._handedIn;
  }

  /** The learner's submissions in the course that was asked for last, newest first. */
  get list(): ILoaded<readonly ISubmission[]> {
    return this._list;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /**
   * Return where the handing in of an exercise stands.
   */
  state(course: string, exercise: string): ISubmitState {
    return this._states.get(keyOf({ course, exercise })) ?? IDLE;
  }

  /**
   * Hand in a notebook.
   *
   * @param save - saves the notebook; it is handed in even where that fails.
   * @param sources - returns the code cells; it is called after saving.
   */
  async submit(
    named: INamed,
    save: () => Promise<void>,
    sources: () => readonly ICellSource[]
  ): Promise<void> {
    const { status, request: former } = this.state(
      named.course,
      named.exercise
    );
    if (status === 'saving' || status === 'sending') {
      return;
    }
    this._set(named, { status: 'saving', request: former, failure: null });
    try {
      await save();
    } catch {
      // The notebook's own dialog tells that it was not saved.
    }
    if (former !== null) {
      // What waits for the grader gives way to the newer work.
      this._requests.delete(former);
      this._live.cancel(former);
    }
    const { course, exercise, version } = named;
    const frame: ISubmitRequest = {
      type: 'submit',
      request: UUID.uuid4(),
      course,
      exercise,
      version,
      cells: sources()
    };
    this._begin(frame);
    this._live.send(frame);
  }

  /**
   * Fetch the learner's submissions in a course.
   */
  async refresh(course: string): Promise<void> {
    if (course !== this._course) {
      this._course = course;
      this._list = nothing();
    }
    const found = await settle(this._list, () =>
      this._service.submissions(course)
    );
    if (course === this._course) {
      this._list = found;
      this._changed.emit();
    }
  }

  /**
   * Fetch the submissions again where it is this course that is listed.
   */
  renew(course: string): void {
    if (course === this._course) {
      void this.refresh(course);
    }
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  private _begin(frame: ISubmitRequest): void {
    const { request, course, exercise, version } = frame;
    this._requests.set(request, { course, exercise, version });
    this._set(frame, { status: 'sending', request, failure: null });
  }

  private _onReply(_: LiveConnection, reply: Reply): void {
    const named =
      reply.request === null ? undefined : this._requests.get(reply.request);
    if (named === undefined || reply.request === null) {
      return;
    }
    if (reply.type === 'progress') {
      this._set(named, {
        status: 'sending',
        request: reply.request,
        failure: null
      });
      return;
    }
    this._requests.delete(reply.request);
    if (reply.type === 'receipt') {
      this._set(named, IDLE);
      this._handedIn.emit(reply);
      void this.refresh(this._course ?? reply.course);
    } else if (reply.type === 'failure') {
      this._set(named, { ...IDLE, failure: reply.message });
    }
  }

  private _onHeld(_: LiveConnection, request: string): void {
    const named = this._requests.get(request);
    if (named) {
      this._set(named, { status: 'offline', request, failure: null });
    }
  }

  private _set(named: Omit<INamed, 'version'>, state: ISubmitState): void {
    this._states.set(keyOf(named), state);
    this._changed.emit();
  }

  private readonly _states = new Map<string, ISubmitState>();
  private readonly _requests = new Map<string, INamed>();
  private readonly _changed = new Signal<this, void>(this);
  private readonly _handedIn = new Signal<this, IReceipt>(this);
  private _course: string | null = null;
  private _list: ILoaded<readonly ISubmission[]> = nothing();
  private _isDisposed = false;
}

function keyOf({ course, exercise }: Omit<INamed, 'version'>): string {
  return `${course}/${exercise}`;
}
