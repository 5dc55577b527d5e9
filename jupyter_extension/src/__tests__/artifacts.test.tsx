import { act, fireEvent, render, screen } from '@testing-library/react';
import React from 'react';
import {
  ArtifactCard,
  DRAWN_AT_ONCE,
  ROWS_AT_ONCE,
  type IArtifactTools
} from '../components/artifact';
import { ApiError } from '../errors';
import { ArtifactContents } from '../models/artifacts';
import type { Artifact } from '../wire';
import { artifact, settle, trans } from './fakes';

function setUp(more: Partial<IArtifactTools> = {}) {
  const api = {
    readContent: jest.fn().mockResolvedValue({ data: '# large' }),
    listVersions: jest.fn().mockResolvedValue({ rows: [], cursor: null }),
    downloadUrl: jest.fn((id: string, mime: string) => `/download/${id}?${mime}`)
  };
  const dispose = jest.fn();
  const tools: IArtifactTools = {
    contents: new ArtifactContents(api),
    drawing: {
      choose: bundle => Object.keys(bundle).find(mime => mime.startsWith('text/')),
      draw: (mime, bundle, host) => {
        host.textContent = `${mime}: ${JSON.stringify(bundle[mime])}`;
        return { dispose, isDisposed: false };
      }
    },
    trans,
    opener: path => (path.startsWith('/root/') ? jest.fn() : null),
    ...more
  };
  const show = (shown: Artifact) => <ArtifactCard artifact={shown} {...tools} />;
  return { api, tools, show, dispose };
}

async function settled(): Promise<void> {
  await act(settle);
}

test('a progress is a bar that says how far it is, and moves', () => {
  const { show } = setUp();
  const at = (progress: number) =>
    show(artifact('p', { kind: 'progress', data: { progress } }));
  const { rerender } = render(at(12.34));
  const bar = screen.getByRole('progressbar');
  expect(bar.getAttribute('aria-valuenow')).toBe('12.34');
  expect(screen.getByText('12.3 %')).toBeTruthy();
  rerender(at(100));
  expect(screen.getByRole('progressbar')).toBe(bar);
  expect((bar.firstChild as HTMLElement).style.width).toBe('100%');
});

test('a content kept apart is asked for once, and shown when it comes', async () => {
  const { api, show } = setUp();
  const large = artifact('m', { data: null, size: 9000 });
  const { rerender, container } = render(show(large));
  rerender(show({ ...large }));
  await settled();
  expect(api.readContent.mock.calls).toEqual([['m']]);
  expect(container.textContent).toContain('text/markdown: "# large"');
});

test('a very large content waits until somebody wants it', async () => {
  const { api, show } = setUp();
  render(show(artifact('m', { data: null, size: DRAWN_AT_ONCE + 1 })));
  await settled();
  expect(api.readContent).not.toHaveBeenCalled();
  fireEvent.click(screen.getByRole('button', { name: 'Show (2.0 MB)' }));
  await settled();
  expect(api.readContent).toHaveBeenCalledTimes(1);
});

test('a content that is gone says so', async () => {
  const { api, show } = setUp();
  const problem = { code: 'artifact.content_missing', message: 'It is missing.' };
  api.readContent.mockRejectedValue(new ApiError(404, problem));
  render(show(artifact('m', { data: null, size: 9000 })));
  await settled();
  expect(screen.getByRole('alert').textContent).toContain('It is missing.');
});

test('of a bundle one form is drawn, and what is a file can be had', () => {
  const { show, dispose } = setUp();
  const data = { 'text/html': '<b>x</b>', 'application/pdf': 'JVBE', 'image/png': 'x' };
  const { container, unmount } = render(show(artifact('b', { kind: 'mime', data })));
  expect(container.querySelector('[data-mime]')?.textContent).toBe(
    'text/html: "<b>x</b>"'
  );
  expect(screen.getAllByRole('link').map(link => link.getAttribute('href'))).toEqual([
    '/download/b?application/pdf'
  ]);
  unmount();
  expect(dispose).toHaveBeenCalledTimes(1);
});

test('a bundle that nothing draws safely is offered as files', () => {
  const { show } = setUp({
    drawing: { choose: () => undefined, draw: jest.fn() }
  });
  const data = { 'application/pdf': 'JVBE', 'application/x-thing': 'x' };
  render(show(artifact('b', { kind: 'mime', data })));
  expect(screen.getAllByRole('link')).toHaveLength(2);
});

test('a long table shows its first rows, and more when asked', () => {
  const { show } = setUp();
  const rows = Array.from({ length: 3000 }, (_, n) => [n, `<i>${n}</i>`]);
  const data = { columns: ['n', 'text'], rows, total: 1_000_000 };
  const { container } = render(show(artifact('t', { kind: 'table', data })));
  const shown = () => container.querySelectorAll('tbody tr').length;
  expect(shown()).toBe(ROWS_AT_ONCE);
  expect(container.textContent).toContain('first 200 of 1000000 rows');
  expect(container.querySelector('i')).toBeNull();
  fireEvent.click(screen.getByRole('button', { name: 'Show 1000 more' }));
  expect(shown()).toBe(1200);
});

test('an address that could run code is text', () => {
  const { show } = setUp();
  const data = { url: 'javascript:alert(1)', text: 'here' };
  const { container } = render(show(artifact('l', { kind: 'link', data })));
  expect(container.querySelector('a')).toBeNull();
  expect(container.textContent).toContain('here (javascript:alert(1))');
});

test.each([
  [{ mime: 'image/png', base64: 'AAAA' }, 'data:image/png;base64,AAAA'],
  [{ url: 'https://x.org/a.png' }, 'https://x.org/a.png'],
  [{ mime: 'text/html', base64: 'AAAA' }, undefined],
  [{ url: 'javascript:alert(1)' }, undefined]
])('a picture is a picture, and nothing else is one: %j', (data, src) => {
  const { show } = setUp();
  const { container } = render(show(artifact('i', { kind: 'image', data })));
  expect(container.querySelector('img')?.getAttribute('src')).toBe(src);
});

test('the versions of a key can be looked at', async () => {
  const { api, show } = setUp();
  const newest = artifact('v2', { key: 'report', data: 'two', flow_run_id: 'run' });
  const older = artifact('v1', {
    key: 'report',
    data: 'one',
    created_at: '2026-11-21T12:00:00Z'
  });
  api.listVersions.mockResolvedValue({ rows: [newest, older], cursor: null });
  const { container } = render(show(newest));
  fireEvent.click(screen.getByRole('button', { name: 'Versions' }));
  await settled();
  expect(api.listVersions.mock.calls).toEqual([['report']]);
  const select = screen.getByRole('combobox', { name: 'Version' });
  const options = [...select.querySelectorAll('option')].map(o => o.textContent);
  expect(options).toHaveLength(2);
  expect(options[0]).toContain('(this run)');
  fireEvent.change(select, { target: { value: 'v1' } });
  expect(container.textContent).toContain('text/markdown: "one"');
  fireEvent.change(select, { target: { value: 'v2' } });
  expect(container.textContent).toContain('text/markdown: "two"');
});

test('what has no key has no versions', () => {
  const { show } = setUp();
  render(show(artifact('a')));
  expect(screen.queryByRole('button', { name: 'Versions' })).toBeNull();
});
