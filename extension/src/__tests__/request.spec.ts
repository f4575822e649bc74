import { ServerConnection } from '@jupyterlab/services';
import { describe, expect, it } from 'vitest';
import { CoachService, requestAPI } from '../request';

function answering(
  status: number,
  body: string,
  seen: Request[] = []
): ServerConnection.ISettings {
  return ServerConnection.makeSettings({
    baseUrl: 'http://localhost/user/ada/',
    fetch: input => {
      seen.push(input as Request);
      return Promise.resolve(new Response(body, { status }));
    }
  });
}

describe('requestAPI', () => {
  it('asks below the base URL', async () => {
    const seen: Request[] = [];
    const settings = answering(200, '{"cursor": 3}', seen);
    const service = new CoachService(settings);
    expect(
      await service.report({ course: 'c', exercise: 'e', kind: 'too-easy' })
    ).toBe(3);
    expect(seen[0].url).toMatch(
      /^http:\/\/localhost\/user\/ada\/nbcoach\/api\/events(\?\d+)?$/
    );
    expect(seen[0].method).toBe('POST');
  });

  it('asks what is next as of a cursor', async () => {
    const seen: Request[] = [];
    const service = new CoachService(answering(200, '{}', seen));
    await service.next('c', 12);
    expect(seen[0].url).toMatch(/courses\/c\/next\?k=1&seen=12/);
  });

  it('gives each request an id, and keeps the one that led to it', async () => {
    const seen: Request[] = [];
    const service = new CoachService(answering(200, '{}', seen));
    await service.next('c', 12, 'the-check');
    await service.courses();
    await service.courses();
    const ids = seen.map(request => request.headers.get('X-Request-Id'));
    expect(ids[0]).toBe('the-check');
    expect(ids[1]).toMatch(/^[0-9a-f-]{36}$/);
    expect(ids[2]).not.toBe(ids[1]);
  });

  it('asks again after the time that a refusal names, with the same id', async () => {
    const seen: Request[] = [];
    const settings = ServerConnection.makeSettings({
      fetch: input => {
        seen.push(input as Request);
        const headers = { 'Retry-After': '0.01' };
        return Promise.resolve(
          seen.length < 3
            ? new Response('{"message": "Too fast."}', { status: 429, headers })
            : new Response('{"cursor": 3}')
        );
      }
    });
    expect(await requestAPI('events', settings, { method: 'POST' })).toEqual({
      cursor: 3
    });
    const ids = seen.map(request => request.headers.get('X-Request-Id'));
    expect(ids).toEqual([ids[0], ids[0], ids[0]]);
  });

  it('tells what the service said', async () => {
    const settings = answering(404, '{"message": "There is no course."}');
    await expect(requestAPI('courses/x', settings)).rejects.toThrow(
      'There is no course.'
    );
  });

  it('tells the status where the service said nothing', async () => {
    await expect(
      requestAPI('courses', answering(502, '<html>'))
    ).rejects.toThrow('502');
    await expect(
      requestAPI('courses', answering(200, '<html>'))
    ).rejects.toThrow('no JSON');
  });

  it('tells a server that cannot be reached apart', async () => {
    const settings = ServerConnection.makeSettings({
      fetch: () => Promise.reject(new TypeError('gone'))
    });
    await expect(requestAPI('courses', settings)).rejects.toBeInstanceOf(
      ServerConnection.NetworkError
    );
  });
});
