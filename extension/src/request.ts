import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { UUID } from '@lumino/coreutils';
import type {
  ICourse,
  ICourseEntry,
  IEvent,
  INext,
  IOpened,
  ISkill,
  ISubmission
} from './course';
import type { INotification } from './frames';

const NAMESPACE = 'nbcoach/api';
const TRIES = 4;
const LONGEST_WAIT = 60;

/**
 * Call the server extension. A request that came too fast is sent again after the time that the answer names.
 *
 * @param endPoint - the path below the extension's routes.
 * @param settings - the server's address and credentials.
 * @param init - method and body.
 * @returns the JSON body of the answer.
 * @throws ServerConnection.NetworkError where the server cannot be reached,
 *   ServerConnection.ResponseError with the service's message where it refuses.
 */
export async function requestAPI<T>(
  endPoint: string,
  settings: ServerConnection.ISettings,
  init: RequestInit = {}
): Promise<T> {
  const url = URLExt.join(settings.baseUrl, NAMESPACE, endPoint);
  const headers = { 'X-Request-Id': UUID.uuid4(), ...init.headers };
  let response: Response;
  for (let left = TRIES; ;) {
    try {
      response = await ServerConnection.makeRequest(
        url,
        { ...init, headers },
        settings
      );
    } catch (error) {
      throw new ServerConnection.NetworkError(error as TypeError);
    }
    if (response.status !== 429 || --left === 0) {
      break;
    }
    const wait = Number(response.headers.get('Retry-After') ?? 1);
    await sleep(1000 * Math.min(wait > 0 ? wait : 1, LONGEST_WAIT));
  }
  const text = await response.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = null;
  }
  if (!response.ok) {
    const message = (body as { message?: unknown } | null)?.message;
    throw new ServerConnection.ResponseError(
      response,
      typeof message === 'string' && message
        ? message
        : `${response.status} ${response.statusText}`
    );
  }
  if (body === null) {
    throw new ServerConnection.ResponseError(response, 'The answer is no JSON');
  }
  return body as T;
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise(resolve => window.setTimeout(resolve, milliseconds));
}

/**
 * What the model asks of the learner's server.
 */
export interface ICoachService {
  /** List the learner's courses. */
  courses(): Promise<readonly ICourseEntry[]>;
  /** Return a course with the learner's progress. */
  course(course: string): Promise<ICourse>;
  /** Return what to do next; with `seen`, an answer that knows that place in the log; `request` is what led there. */
  next(course: string, seen?: number, request?: string): Promise<INext>;
  /** Return the learner's skills. */
  mastery(course: string): Promise<readonly ISkill[]>;
  /** Place an exercise into the learner's files. */
  open(course: string, exercise: string): Promise<IOpened>;
  /** Put the starter in the place of the learner's notebook, which is kept. */
  reset(course: string, exercise: string): Promise<IOpened>;
  /** Return what stood in an answer cell at the beginning. */
  starter(course: string, exercise: string, cell: string): Promise<string>;
  /** Report an event; returns its place in the log. */
  report(event: IEvent): Promise<number>;
  /** List the learner's submissions in a course, newest first. */
  submissions(course: string): Promise<readonly ISubmission[]>;
  /** List what the learner should know, newest first. */
  notifications(): Promise<readonly INotification[]>;
  /** Mark notifications as read. */
  markRead(ids: readonly string[]): Promise<void>;
}

/**
 * The learner's server, asked over HTTP.
 */
export class CoachService implements ICoachService {
  constructor(private readonly _settings: ServerConnection.ISettings) {}

  async courses(): Promise<readonly ICourseEntry[]> {
    return (await this._get<{ courses: ICourseEntry[] }>('courses')).courses;
  }

  course(course: string): Promise<ICourse> {
    return this._get(`courses/${encodeURIComponent(course)}`);
  }

  next(course: string, seen?: number, request?: string): Promise<INext> {
    const query = seen === undefined ? '' : `&seen=${seen}`;
    return this._get(
      `courses/${encodeURIComponent(course)}/next?k=1${query}`,
      request
    );
  }

  async mastery(course: string): Promise<readonly ISkill[]> {
    const path = `courses/${encodeURIComponent(course)}/mastery`;
    return (await this._get<{ skills: ISkill[] }>(path)).skills;
  }

  open(course: string, exercise: string): Promise<IOpened> {
    return this._post('open', { course, exercise });
  }

  reset(course: string, exercise: string): Promise<IOpened> {
    return this._post('reset', { course, exercise });
  }

  async starter(
    course: string,
    exercise: string,
    cell: string
  ): Promise<string> {
    const path = [course, 'exercises', exercise, 'cells', cell];
    const place = path.map(encodeURIComponent).join('/');
    return (await this._get<{ source: string }>(`courses/${place}`)).source;
  }

  async submissions(course: string): Promise<readonly ISubmission[]> {
    const path = `courses/${encodeURIComponent(course)}/submissions`;
    return (await this._get<{ submissions: ISubmission[] }>(path)).submissions;
  }

  async notifications(): Promise<readonly INotification[]> {
    return (
      await this._get<{ notifications: INotification[] }>('notifications')
    ).notifications;
  }

  async markRead(ids: readonly string[]): Promise<void> {
    await this._post('notifications/read', { ids });
  }

  async report(event: IEvent): Promise<number> {
    return (await this._post<{ cursor: number }>('events', event)).cursor;
  }

  private _get<T>(path: string, request?: string): Promise<T> {
    const init = request ? { headers: { 'X-Request-Id': request } } : {};
    return requestAPI(path, this._settings, init);
  }

  private _post<T>(path: string, body: object): Promise<T> {
    return requestAPI(path, this._settings, {
      method: 'POST',
      body: JSON.stringify(body)
    });
  }
}

/**
 * Open the WebSocket of checks and hints.
 */
export function openLive(settings: ServerConnection.ISettings): WebSocket {
  let url = URLExt.join(settings.wsUrl, NAMESPACE, 'live');
  if (settings.appendToken && settings.token) {
    url += `?token=${encodeURIComponent(settings.token)}`;
  }
  return new settings.WebSocket(url);
}
