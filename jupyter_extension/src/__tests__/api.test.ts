import { Api } from '../api';
import type { ApiError } from '../errors';

const makeRequest = jest.fn();

jest.mock('@jupyterlab/services', () => ({
  ServerConnection: {
    makeRequest: (...args: unknown[]) => makeRequest(...args) as unknown
  }
}));
jest.mock('@jupyterlab/coreutils', () => ({
  URLExt: {
    join: (...parts: string[]) => parts.join('/').replace(/([^:])\/{2,}/g, '$1/')
  }
}));

const opened: string[] = [];

class Socket {
  constructor(url: string) {
    opened.push(url);
  }
}

function api(more: object = {}): Api {
  const settings = {
    baseUrl: 'http://h/user/a/',
    wsUrl: 'ws://h/user/a/',
    token: 't t',
    WebSocket: Socket
  };
  const made = { ...settings, appendToken: false, ...more };
  return new Api(made as never, 'Nobody answers.');
}

function answers(status: number, body: unknown): void {
  const response = {
    ok: status < 400,
    status,
    statusText: 'Said',
    json: () => Promise.resolve(body)
  };
  makeRequest.mockResolvedValueOnce(
    body === undefined
      ? { ...response, json: () => Promise.reject(new Error()) }
      : response
  );
}

const asked = (): [string, RequestInit] =>
  makeRequest.mock.calls.at(-1) as [string, RequestInit];

test('routes lie below the base url, and names are escaped', async () => {
  answers(200, {});
  await api().readFlowRun('a/b');
  expect(asked()[0]).toBe('http://h/user/a/nbflow/api/flow-runs/a%2Fb');
});

test('a filter is a query: lists repeat, empty ones are left out', async () => {
  answers(200, { rows: [], cursor: null });
  await api().listFlowRuns({
    search: 'a b',
    state: ['FAILED', 'CRASHED'],
    until: undefined,
    limit: 5
  });
  expect(asked()[0]).toMatch(
    /flow-runs\?search=a\+b&state=FAILED&state=CRASHED&limit=5$/
  );
});

test('writes are JSON', async () => {
  answers(200, {});
  await api().setScheduleActive('s', false);
  expect(asked()[1]).toEqual({
    method: 'PATCH',
    body: '{"active":false}',
    headers: { 'Content-Type': 'application/json' }
  });
});

test('an answer without content is no JSON', async () => {
  answers(204, undefined);
  await expect(api().deleteDeployment('d')).resolves.toBeUndefined();
});

test('a refusal keeps code, field and hint', async () => {
  answers(422, {
    code: 'parameter.type',
    message: 'No.',
    field: 'rows',
    hint: 'Give 1.'
  });
  const error = await api()
    .deploy({ path: 'x' })
    .catch((reason: unknown) => reason as ApiError);
  expect(error).toMatchObject({
    status: 422,
    code: 'parameter.type',
    field: 'rows',
    hint: 'Give 1.'
  });
});

test('an answer that is not nbflow’s is named by its status', async () => {
  answers(502, undefined);
  await expect(api().health()).rejects.toMatchObject({
    status: 502,
    code: 'http.502',
    message: '502 Said'
  });
});

test('a server that is gone is unreachable, not failed', async () => {
  makeRequest.mockRejectedValueOnce(new TypeError('Failed to fetch'));
  await expect(api().health()).rejects.toMatchObject({
    status: 0,
    code: 'unreachable',
    message: 'Nobody answers.'
  });
});

test('the token goes with the stream only where the page is foreign', () => {
  api().openStream();
  api({ appendToken: true }).openStream();
  expect(opened).toEqual([
    'ws://h/user/a/nbflow/api/changes/stream',
    'ws://h/user/a/nbflow/api/changes/stream?token=t%20t'
  ]);
});
