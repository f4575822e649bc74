import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SessionKeep } from '../keep';
import { LiveConnection, type Socket } from '../live';
import type { IHintRequest, Reply, Request } from '../frames';

class FakeSocket implements Socket {
  readyState = 0 as WebSocket['readyState'];
  onopen: Socket['onopen'] = null;
  onclose: Socket['onclose'] = null;
  onmessage: Socket['onmessage'] = null;
  onerror: Socket['onerror'] = null;
  readonly sent: string[] = [];

  send(text: string): void {
    this.sent.push((JSON.parse(text) as { request: string }).request);
  }

  close(): void {
    this.drop();
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.call(this as never, new Event('open'));
  }

  drop(): void {
    this.readyState = 3;
    this.onclose?.call(this as never, new Event('close') as CloseEvent);
  }

  reply(frame: Partial<Reply> | string): void {
    const data = typeof frame === 'string' ? frame : JSON.stringify(frame);
    this.onmessage?.call(
      this as never,
      new MessageEvent('message', { data }) as never
    );
  }
}

function hint(request: string): IHintRequest {
  return {
    type: 'hint',
    request,
    course: 'c',
    exercise: 'e',
    cell: 'cell',
    check: 'check',
    level: 1
  };
}

function final(request: string): Partial<Reply> {
  return { type: 'failure', request, code: 'unknown-cell' };
}

const FAST = { type: 'failure', code: 'too-many-requests' } as const;
const AWAY = { type: 'failure', code: 'unavailable' } as const;

describe('LiveConnection', () => {
  let sockets: FakeSocket[];
  let live: LiveConnection;
  let received: Reply[];
  let held: string[];

  beforeEach(() => {
    vi.useFakeTimers();
    sockets = [];
    received = [];
    held = [];
    live = new LiveConnection(() => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    });
    live.received.connect((_, reply) => received.push(reply));
    live.held.connect((_, id) => held.push(id));
  });

  afterEach(() => {
    live.dispose();
    vi.useRealTimers();
  });

  it('opens one socket and sends what waited for it, once', () => {
    live.send(hint('a'));
    live.send(hint('b'));
    expect(sockets).toHaveLength(1);
    sockets[0].open();
    expect(sockets[0].sent).toEqual(['a', 'b']);
    live.send(hint('c'));
    expect(sockets[0].sent).toEqual(['a', 'b', 'c']);
  });

  it('hands on replies to its own requests only', () => {
    live.send(hint('a'));
    sockets[0].open();
    sockets[0].reply(final('stranger'));
    sockets[0].reply('no json');
    sockets[0].reply({ type: 'progress', request: 'a', state: 'queued' });
    sockets[0].reply(final('a'));
    sockets[0].reply(final('a'));
    expect(received.map(r => r.type)).toEqual(['progress', 'failure']);
  });

  it('keeps a request while the grader is away and sends it when it is back', () => {
    live.send(hint('a'));
    sockets[0].open();
    sockets[0].reply({ ...AWAY, request: 'a' });
    expect(held).toEqual(['a']);
    expect(received).toEqual([]);
    expect(sockets[0].sent).toEqual(['a']);
    vi.advanceTimersByTime(2000);
    expect(sockets[0].sent).toEqual(['a', 'a']);
    sockets[0].reply(final('a'));
    vi.advanceTimersByTime(60000);
    expect(sockets[0].sent).toEqual(['a', 'a']);
  });

  it('connects again with growing pauses and sends what was not answered', () => {
    live.send(hint('a'));
    sockets[0].open();
    sockets[0].drop();
    expect(held).toEqual(['a']);
    vi.advanceTimersByTime(1300);
    expect(sockets).toHaveLength(2);
    sockets[1].drop();
    vi.advanceTimersByTime(1300);
    expect(sockets).toHaveLength(2);
    vi.advanceTimersByTime(1300);
    expect(sockets).toHaveLength(3);
    sockets[2].open();
    expect(sockets[2].sent).toEqual(['a']);
  });

  it('sends a request that came too fast again after the time that was named', () => {
    live.send(hint('a'));
    sockets[0].open();
    sockets[0].reply({ ...FAST, request: 'a', detail: { retry_after: 3 } });
    expect(held).toEqual([]);
    expect(received).toEqual([]);
    vi.advanceTimersByTime(2900);
    expect(sockets[0].sent).toEqual(['a']);
    vi.advanceTimersByTime(800);
    expect(sockets[0].sent).toEqual(['a', 'a']);
    sockets[0].reply(final('a'));
    vi.advanceTimersByTime(60000);
    expect(sockets[0].sent).toEqual(['a', 'a']);
    expect(received).toHaveLength(1);
  });

  it('sends it once where the socket breaks meanwhile', () => {
    live.send(hint('a'));
    sockets[0].open();
    sockets[0].reply({ ...FAST, request: 'a', detail: { retry_after: 3 } });
    sockets[0].drop();
    vi.advanceTimersByTime(1300);
    sockets[1].open();
    vi.advanceTimersByTime(60000);
    expect(sockets[1].sent).toEqual(['a']);
  });

  it('forgets a cancelled request', () => {
    live.send(hint('a'));
    live.cancel('a');
    sockets[0].open();
    expect(sockets[0].sent).toEqual([]);
  });

  it('leaves nothing behind when disposed', () => {
    live.send(hint('a'));
    sockets[0].drop();
    live.dispose();
    vi.advanceTimersByTime(60000);
    expect(sockets).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps checks beyond the page, sends them again under the same id, and forgets what was answered', () => {
    const storage = window.sessionStorage;
    storage.clear();
    const open = () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    };
    const check: Request = {
      type: 'submit',
      request: 'kept',
      course: 'c',
      exercise: 'e',
      version: 'v',
      cells: []
    };
    const before = new LiveConnection(
      open,
      new SessionKeep(storage, '/user/ada/')
    );
    before.send(check);
    before.send(hint('a'));
    const after = new LiveConnection(
      open,
      new SessionKeep(storage, '/user/ada/')
    );
    expect(after.restored).toEqual([check]);
    expect(new SessionKeep(storage, '/user/ben/').load()).toEqual([]);
    after.connect();
    sockets[1].open();
    expect(sockets[1].sent).toEqual(['kept']);
    sockets[1].reply(final('kept'));
    expect(new SessionKeep(storage, '/user/ada/').load()).toEqual([]);
    storage.setItem('nbcoach:pending:/user/ada/', '{"not": "a list"');
    expect(new SessionKeep(storage, '/user/ada/').load()).toEqual([]);
    before.dispose();
    after.dispose();
  });

  it('tells notifications, which answer no request', () => {
    const heard: string[] = [];
    live.noticed.connect((_, { id }) => heard.push(id));
    live.connect();
    sockets[0].open();
    sockets[0].reply(JSON.stringify({ type: 'notification', id: 'n1' }));
    expect(heard).toEqual(['n1']);
    expect(received).toEqual([]);
  });
});
