import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { LiveConnection } from '../live';
import { CoachModel } from '../model';
import type { ICoachService } from '../request';
import type { ICourse, INext } from '../course';
import type { IFeedback, Request } from '../frames';
import { FakeLive } from './fakelive';

const COURSE: ICourse = {
  id: 'c',
  title: 'C',
  summary: '',
  units: [{ id: 'u', title: 'U', exercises: ['e'] }],
  exercises: [],
  progress: { e: { state: 'new', points: 0, max_points: 3, solved: false } }
};

function next(exercise: string): INext {
  return {
    course: 'c',
    items: [
      {
        exercise,
        title: exercise,
        p: null,
        minutes: 5,
        difficulty: 1,
        skills: [],
        why: { code: 'x', text: 'because' }
      }
    ]
  };
}

function feedback(request: string, change: Partial<IFeedback> = {}): IFeedback {
  return {
    type: 'feedback',
    request,
    course: 'c',
    exercise: 'e',
    cell: 'fact',
    verdict: 'passed',
    points: 3,
    max_points: 3,
    checks: [],
    error: null,
    output: '',
    repairs: [],
    seconds: 0,
    peak_mb: 0,
    cursor: 7,
    exercise_points: 3,
    exercise_max_points: 3,
    solved: true,
    style: [],
    reference: null,
    ...change
  };
}

describe('CoachModel', () => {
  let live: FakeLive;
  let service: { [K in keyof ICoachService]: ReturnType<typeof vi.fn> };
  let model: CoachModel;

  const named = { course: 'c', exercise: 'e', version: 'v1' };
  const key = {};
  const saved = () => Promise.resolve();
  const sources = (source = 'x = 1') => [{ id: '1', grade_id: 'fact', source }];

  beforeEach(async () => {
    live = new FakeLive();
    service = {
      courses: vi.fn(() => Promise.resolve([{ id: 'c' }, { id: 'd' }])),
      course: vi.fn(() => Promise.resolve(COURSE)),
      next: vi.fn(() => Promise.resolve(next('e'))),
      mastery: vi.fn(() => Promise.resolve([])),
      open: vi.fn(() => Promise.resolve({ path: 'c/e/e.ipynb' })),
      reset: vi.fn(() => Promise.resolve({ path: 'c/e/e.ipynb' })),
      starter: vi.fn(() => Promise.resolve('# YOUR CODE HERE')),
      submissions: vi.fn(() => Promise.resolve([])),
      notifications: vi.fn(() => Promise.resolve([])),
      markRead: vi.fn(() => Promise.resolve()),
      report: vi.fn(() => Promise.resolve(9))
    };
    model = new CoachModel(service, live as unknown as LiveConnection);
    await model.refresh();
  });

  it('chooses the first course and fetches all about it', () => {
    expect(model.courseId).toBe('c');
    expect(model.course.value).toEqual(COURSE);
    expect(model.next.value?.items[0]?.exercise).toBe('e');
    expect(model.skills.value).toEqual([]);
  });

  it('looks again for what another tab did, but not at every glance', async () => {
    const now = vi.spyOn(Date, 'now');
    const start = new Date().getTime();
    now.mockReturnValue(start + 1000);
    await model.renew();
    expect(service.course).toHaveBeenCalledTimes(1);
    now.mockReturnValue(start + 60000);
    await model.renew();
    await model.renew();
    expect(service.course).toHaveBeenCalledTimes(2);
    now.mockRestore();
  });

  it('says why something could not be fetched and keeps what it has', async () => {
    service.next.mockRejectedValueOnce(new Error('away'));
    await model.refresh();
    expect(model.next.error).toBe('away');
    expect(model.next.value?.items[0]?.exercise).toBe('e');
  });

  it('sends the sources at once, and saves meanwhile', async () => {
    const order: string[] = [];
    const state = model.checks.exercise(key, named);
    await model.checks.check(
      state,
      'fact',
      () => Promise.resolve(void order.push('saved')),
      () => (order.push('read'), sources())
    );
    expect(order).toEqual(['read', 'saved']);
    expect(live.sent).toMatchObject([
      { type: 'check', ...named, cell: 'fact', cells: sources() }
    ]);
    expect(state.cell('fact').status).toBe('queued');
  });

  it('sends a check even where saving fails, but never two of a cell at once', async () => {
    const state = model.checks.exercise(key, named);
    const failing = () => Promise.reject(new Error('read-only'));
    await model.checks.check(state, 'fact', failing, sources);
    await model.checks.check(state, 'fact', saved, sources);
    expect(live.sent).toHaveLength(1);
  });

  it('credits the points and asks what is next as of the attempt', async () => {
    const state = model.checks.exercise(key, named);
    await model.checks.check(state, 'fact', saved, sources);
    service.next.mockResolvedValueOnce(next('f'));
    live.received.emit(feedback(live.sent[0].request));
    expect(state.cell('fact')).toMatchObject({
      status: 'idle',
      source: 'x = 1'
    });
    expect(model.course.value?.progress?.e).toEqual({
      state: 'passed',
      points: 3,
      max_points: 3,
      solved: true
    });
    await vi.waitFor(() =>
      expect(model.next.value?.items[0]?.exercise).toBe('f')
    );
    expect(service.next).toHaveBeenLastCalledWith(
      'c',
      7,
      expect.stringMatching(/^[0-9a-f-]{36}$/)
    );
  });

  it('leaves the points of what is handed in as they are', async () => {
    const e = { state: 'submitted', points: 1, max_points: 3, solved: false };
    service.course.mockResolvedValueOnce({ ...COURSE, progress: { e } });
    await model.refresh();
    const state = model.checks.exercise(key, named);
    await model.checks.check(state, 'fact', saved, sources);
    live.received.emit(feedback(live.sent[0].request));
    expect(model.course.value?.progress?.e).toEqual({ ...e, solved: true });
  });

  it('takes the answer to the newest question where answers overtake each other', async () => {
    const state = model.checks.exercise(key, named);
    await model.checks.check(state, 'fact', saved, sources);
    await model.checks.check(state, 'total', saved, sources);
    let late: (value: INext) => void = () => undefined;
    service.next.mockReturnValueOnce(new Promise(done => (late = done)));
    live.received.emit(feedback(live.sent[0].request, { cursor: 7 }));
    service.next.mockResolvedValueOnce(next('newest'));
    live.received.emit(feedback(live.sent[1].request, { cursor: 8 }));
    await vi.waitFor(() =>
      expect(model.next.value?.items[0]?.exercise).toBe('newest')
    );
    late(next('old'));
    await Promise.resolve();
    expect(model.next.value?.items[0]?.exercise).toBe('newest');
  });

  it('replaces a check that waits for the grader when it is pressed again', async () => {
    const state = model.checks.exercise(key, named);
    await model.checks.check(state, 'fact', saved, sources);
    const first = live.sent[0].request;
    live.held.emit(first);
    expect(state.cell('fact').status).toBe('offline');
    await model.checks.check(state, 'fact', saved, () => sources('x = 2'));
    expect(live.cancelled).toEqual([first]);
    expect(live.sent).toHaveLength(2);
  });

  it('tells why a check could not be served', async () => {
    const state = model.checks.exercise(key, named);
    await model.checks.check(state, 'fact', saved, sources);
    live.received.emit({
      type: 'failure',
      request: live.sent[0].request,
      code: 'too-many-requests',
      message: 'Wait a little.',
      detail: {}
    });
    expect(state.cell('fact')).toMatchObject({
      status: 'idle',
      failure: 'Wait a little.'
    });
  });

  it('climbs the hint ladder and puts the hints of passed checks away', async () => {
    const state = model.checks.exercise(key, named);
    for (const level of [1, 2]) {
      model.checks.hint(state, 'fact', 't.1');
      model.checks.hint(state, 'fact', 't.1');
      const request = live.sent[level - 1];
      expect(request).toMatchObject({ type: 'hint', level });
      live.received.emit({
        type: 'hint-text',
        request: request.request,
        cell: 'fact',
        check: 't.1',
        level,
        of: 2,
        text: `hint ${level}`
      });
    }
    expect(state.hints('fact', 't.1').texts).toEqual(['hint 1', 'hint 2']);
    expect(service.report).not.toHaveBeenCalled(); // the grader logs them
    await model.checks.check(state, 'fact', saved, sources);
    live.received.emit(feedback(live.sent[2].request));
    expect(state.hints('fact', 't.1').texts).toEqual([]);
  });

  it('reports a reaction and asks what is next as of it', async () => {
    await model.react('c', 'e', 'not-now');
    expect(service.report).toHaveBeenCalledWith({
      course: 'c',
      exercise: 'e',
      kind: 'not-now'
    });
    expect(service.next).toHaveBeenLastCalledWith('c', 9, undefined);
  });

  it('shares the state of a notebook, until it is another version', () => {
    const state = model.checks.exercise(key, named);
    expect(model.checks.exercise(key, named)).toBe(state);
    expect(model.checks.exercise(key, { ...named, version: 'v2' })).not.toBe(
      state
    );
  });

  it('takes up the checks of the page before, whenever the answer comes', () => {
    const frame = (request: string): Request => ({
      type: 'check',
      request,
      ...named,
      cell: request,
      cells: [{ id: '1', grade_id: request, source: 'x' }]
    });
    const reloaded = new FakeLive();
    reloaded.restored = [frame('held'), frame('early'), frame('late')];
    const again = new CoachModel(
      service,
      reloaded as unknown as LiveConnection
    );
    reloaded.received.emit(feedback('early', { cell: 'early' }));
    const state = again.checks.exercise({}, named);
    expect(state.cell('held').status).toBe('offline');
    expect(state.cell('late').status).toBe('queued');
    expect(state.cell('early').feedback?.verdict).toBe('passed');
    reloaded.received.emit(feedback('late', { cell: 'late' }));
    expect(state.cell('late')).toMatchObject({ status: 'idle', source: 'x' });
    expect(again.checks.exercise({}, named).cell('held').status).toBe('idle');
    again.dispose();
  });
});
