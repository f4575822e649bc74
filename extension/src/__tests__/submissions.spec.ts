import type { ICellModel } from '@jupyterlab/cells';
import { nullTranslator } from '@jupyterlab/translation';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { release } from '../copies';
import type { LiveConnection } from '../live';
import type { ICoachService } from '../request';
import type { INotification, INotificationFrame, IReceipt } from '../frames';
import { sentenceOf } from '../widgets/news';
import { News } from '../news';
import { Submissions } from '../submissions';
import { FakeLive } from './fakelive';

const NAMED = { course: 'c', exercise: 'e', version: 'v1' };

function receipt(request: string): IReceipt {
  return {
    type: 'receipt',
    request,
    submission: 's1',
    ...NAMED,
    at: '2026-11-27T12:00:00+00:00',
    due: null,
    late: false,
    hash: '0'.repeat(64),
    points: 1,
    max_points: 2,
    questions: [],
    repairs: [],
    solved: false,
    cursor: 3
  };
}

function notification(id: string, read = false): INotificationFrame {
  return {
    type: 'notification',
    id,
    course: 'c',
    exercise: 'e',
    kind: 'comment',
    title: 'E',
    detail: { author: 'tom', text: '<b>Good</b>' },
    read,
    at: '2026-11-27T12:00:00+00:00'
  };
}

describe('Submissions and news', () => {
  let live: FakeLive;
  let service: Pick<
    { [K in keyof ICoachService]: ReturnType<typeof vi.fn> },
    'submissions' | 'notifications' | 'markRead'
  >;
  let work: Submissions;
  let news: News;
  const sources = () => [{ id: '1', grade_id: 'q', source: 'x' }];
  const saved = () => Promise.resolve();
  const make = () =>
    new Submissions(
      service as unknown as ICoachService,
      live as unknown as LiveConnection
    );

  beforeEach(() => {
    live = new FakeLive();
    service = {
      submissions: vi.fn(() => Promise.resolve([])),
      notifications: vi.fn(() => Promise.resolve([notification('n1')])),
      markRead: vi.fn(() => Promise.resolve())
    };
    work = make();
    news = new News(
      service as unknown as ICoachService,
      live as unknown as LiveConnection
    );
  });

  it('saves, hands in once, and has a receipt', async () => {
    const order: string[] = [];
    const receipts: IReceipt[] = [];
    work.handedIn.connect((_, found) => receipts.push(found));
    const slow = work.submit(NAMED, saved, () => {
      order.push('read');
      return sources();
    });
    await work.submit(NAMED, saved, sources);
    await slow;
    expect(order).toEqual(['read']);
    expect(live.sent).toHaveLength(1);
    expect(work.state('c', 'e').status).toBe('sending');
    live.received.emit(receipt(live.sent[0].request));
    expect(work.state('c', 'e').status).toBe('idle');
    expect(receipts.map(found => found.submission)).toEqual(['s1']);
    expect(service.submissions).toHaveBeenCalledWith('c');
  });

  it('hands in even where saving fails, and says why it was refused', async () => {
    await work.submit(NAMED, () => Promise.reject(new Error('full')), sources);
    live.received.emit({
      type: 'failure',
      request: live.sent[0].request,
      code: 'too-many-requests',
      message: 'Too often.',
      detail: {}
    });
    expect(work.state('c', 'e')).toEqual({
      status: 'idle',
      request: null,
      failure: 'Too often.'
    });
  });

  it('waits for the grader; newer work takes the place of what waits', async () => {
    await work.submit(NAMED, saved, sources);
    const [first] = live.sent;
    live.held.emit(first.request);
    expect(work.state('c', 'e').status).toBe('offline');
    await work.submit(NAMED, saved, sources);
    expect(live.cancelled).toEqual([first.request]);
    live.received.emit(receipt(first.request));
    expect(work.state('c', 'e').status).toBe('sending');
  });

  it('takes up what the page before had sent', () => {
    live.restored = [
      { type: 'submit', request: 'r1', ...NAMED, cells: sources() }
    ];
    work = make();
    expect(work.state('c', 'e').status).toBe('sending');
    live.received.emit(receipt('r1'));
    expect(work.state('c', 'e').status).toBe('idle');
  });

  it('keeps news until they are read, and fetches them when a socket opens', async () => {
    live.opened.emit();
    await vi.waitFor(() => expect(news.unread).toHaveLength(1));
    live.noticed.emit(notification('n2'));
    live.noticed.emit(notification('n2'));
    expect(news.notifications.value?.map(({ id }) => id)).toEqual(['n2', 'n1']);
    await news.markRead(['n1']);
    expect(news.unread).toHaveLength(1);
    service.markRead.mockImplementation(() => Promise.reject(new Error()));
    await news.markRead(['n2']);
    expect(news.unread).toHaveLength(1); // as the server says
  });

  it('says what happened, as text', () => {
    const trans = nullTranslator.load('nbcoach');
    const item: INotification = notification('n');
    expect(sentenceOf(item, trans)).toContain('<b>Good</b>');
    const detail = { before: 1, after: 2.5, max_points: 3 };
    const regraded = { ...item, kind: 'regraded' as const, detail };
    expect(sentenceOf(regraded, trans)).toContain('2.5 of 3 points');
  });
});

describe('copies of answer cells', () => {
  const cell = (id: string | null) => {
    const metadata = new Map<string, unknown>(
      id === null ? [] : [['nbgrader', { grade_id: id }]]
    );
    return {
      getMetadata: (key: string) => metadata.get(key),
      deleteMetadata: (key: string) => metadata.delete(key)
    } as unknown as ICellModel;
  };
  const ids = (cells: ICellModel[]) =>
    cells.map(item => item.getMetadata('nbgrader') !== undefined);

  it.each([
    ['a pasted copy', ['q', 'q'], [1], [true, false]],
    ['a copy that comes first', ['q', 'q'], [0], [false, true]],
    ['a moved cell', ['q'], [0], [true]],
    ['a file with two of a kind', ['q', 'q'], [0, 1], [true, true]],
    ['cells without ids', [null, null], [1], [false, false]]
  ])('%s', (_, grades, came, expected) => {
    const cells = grades.map(cell);
    release(cells, new Set(came.map(index => cells[index])));
    expect(ids(cells)).toEqual(expected);
  });
});
