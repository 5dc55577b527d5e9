/**
 * An artifact on a card: what it is, its versions, and its content. All of it is data that a run made,
 * so none of it is trusted: text is text, and what is richer is drawn by JupyterLab's safe renderers.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import React, { useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { ArtifactContents } from '../models/artifacts';
import type { Artifact, Json } from '../wire';
import { Ago, exactText } from './duration';
import { ProblemNote, Skeleton } from './empty';
import { useModel } from './usemodel';

/** A larger content is drawn when somebody asks for it. */
export const DRAWN_AT_ONCE = 2_000_000;
export const ROWS_AT_ONCE = 200;
/** A content beyond this is a file to keep, not a thing to look at: it is never fetched into a page. */
export const DRAWN_AT_MOST = 20_000_000;

const PICTURES = [
  'image/png',
  'image/jpeg',
  'image/gif',
  'image/webp',
  'image/svg+xml'
];
const ADDRESS = /^(https?:|mailto:)/i;

export type Bundle = { [mime: string]: Json };

/** How a MIME bundle is drawn. */
export interface IDrawing {
  /** The type to draw; undefined: none that is safe. */
  choose: (bundle: Bundle) => string | undefined;
  draw: (mime: string, bundle: Bundle, host: HTMLElement) => IDisposable;
}

export interface IArtifactTools {
  contents: ArtifactContents;
  drawing: IDrawing;
  trans: TranslationBundle;
  /** Open a file by its absolute path; null where it lies outside the server's root. */
  opener: (path: string) => (() => void) | null;
}

interface IShown extends IArtifactTools {
  artifact: Artifact;
}

export function ArtifactCard(props: IShown): JSX.Element {
  const { artifact, trans } = props;
  const [version, setVersion] = useState<Artifact | null>(null);
  const shown = version?.key === artifact.key ? (version ?? artifact) : artifact;
  const current = shown.id === artifact.id ? artifact : shown;
  return (
    <article
      className="jp-nbflow-Artifact"
      data-kind={artifact.kind}
      data-artifact-id={current.id}
    >
      <header className="jp-nbflow-Artifact-head">
        <span className="jp-nbflow-Artifact-key">{artifact.key ?? artifact.kind}</span>
        <span className="jp-nbflow-Artifact-when">
          <Ago at={current.updated_at ?? current.created_at} trans={trans} />
        </span>
        {artifact.key && <Versions {...props} shown={current} onShow={setVersion} />}
      </header>
      <ArtifactBody key={current.id} {...props} artifact={current} />
    </article>
  );
}

/** What an artifact says of itself, and its content. */
export function ArtifactBody(props: IShown): JSX.Element {
  const { description } = props.artifact;
  return (
    <>
      {description && (
        <Drawn
          mime="text/markdown"
          bundle={{ 'text/markdown': description }}
          className="jp-nbflow-Artifact-description"
          drawing={props.drawing}
        />
      )}
      <Content {...props} />
    </>
  );
}

/** The word for a kind of artifact. */
export function kindWord(kind: Artifact['kind'], trans: TranslationBundle): string {
  const words: Record<Artifact['kind'], string> = {
    markdown: trans.__('text'),
    table: trans.__('table'),
    link: trans.__('link'),
    image: trans.__('picture'),
    progress: trans.__('progress'),
    mime: trans.__('output'),
    notebook: trans.__('notebook')
  };
  return words[kind];
}

/** How large something is, for people. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) {
    return `${bytes} B`;
  }
  return bytes < 1e6
    ? `${(bytes / 1000).toFixed(1)} kB`
    : `${(bytes / 1e6).toFixed(1)} MB`;
}

function Versions({
  artifact,
  shown,
  contents,
  trans,
  onShow
}: IShown & { shown: Artifact; onShow: (version: Artifact) => void }): JSX.Element {
  useModel(contents);
  const key = artifact.key ?? '';
  const versions = contents.versions(key);
  if (!versions) {
    return (
      <button
        className="jp-nbflow-LinkButton"
        name="versions"
        onClick={() => void contents.askVersions(key)}
      >
        {trans.__('Versions')}
      </button>
    );
  }
  return (
    <select
      name="version"
      aria-label={trans.__('Version')}
      value={shown.id}
      onChange={({ target }) => {
        const chosen = versions.find(({ id }) => id === target.value);
        if (chosen) {
          onShow(chosen);
        }
      }}
    >
      {versions.map(({ id, created_at, flow_run_id }) => (
        <option key={id} value={id}>
          {exactText(created_at, { seconds: true })}
          {flow_run_id === artifact.flow_run_id && ` ${trans.__('(this run)')}`}
        </option>
      ))}
    </select>
  );
}

function Content(props: IShown): JSX.Element {
  const { artifact, contents, trans } = props;
  useModel(contents);
  const host = useRef<HTMLDivElement>(null);
  const seen = useSeen(host);
  const [wanted, setWanted] = useState(artifact.size <= DRAWN_AT_ONCE);
  const content = seen ? contents.of(artifact) : null;
  useEffect(() => {
    if (seen && wanted) {
      contents.ask(artifact);
    }
  }, [seen, wanted, contents, artifact]);
  if (artifact.size > DRAWN_AT_MOST) {
    return (
      <p className="jp-nbflow-Note">
        {trans.__('%1 is too much to show here. Download it.', sizeText(artifact.size))}{' '}
        <Downloads artifact={artifact} contents={contents} trans={trans} />
      </p>
    );
  }
  if (!wanted) {
    return (
      <button className="jp-nbflow-Button" name="show" onClick={() => setWanted(true)}>
        {trans.__('Show (%1 MB)', (artifact.size / 1e6).toFixed(1))}
      </button>
    );
  }
  return (
    <div ref={host} className="jp-nbflow-Artifact-content">
      {content === null ? (
        <Skeleton rows={2} trans={trans} />
      ) : 'problem' in content ? (
        <ProblemNote problem={content.problem} />
      ) : (
        <Data {...props} data={content.data} />
      )}
    </div>
  );
}

/** The forms of an artifact as files. */
export function Downloads({
  artifact,
  contents,
  trans
}: Pick<IShown, 'artifact' | 'contents' | 'trans'>): JSX.Element {
  return (
    <>
      {artifact.mime_types.map(mime => (
        <a
          key={mime}
          className="jp-nbflow-Link"
          href={contents.downloadUrl(artifact, mime)}
          download
        >
          {trans.__('Download %1', mime)}
        </a>
      ))}
    </>
  );
}

function Data({ data, ...props }: IShown & { data: Json }): JSX.Element {
  const object = (data ?? {}) as { [key: string]: Json };
  switch (props.artifact.kind) {
    case 'markdown':
      return <Mime {...props} bundle={{ 'text/markdown': textOf(data) }} />;
    case 'mime':
      return <Mime {...props} bundle={object} />;
    case 'table':
      return <Table data={object} trans={props.trans} />;
    case 'link':
      return (
        <Link
          url={textOf(object.url)}
          text={textOf(object.text) || textOf(object.url)}
        />
      );
    case 'image':
      return <Picture data={object} trans={props.trans} />;
    case 'progress':
      return <Progress percent={Number(object.progress)} trans={props.trans} />;
    case 'notebook':
      return <File path={textOf(object.path)} opener={props.opener} />;
  }
}

/** A bundle's best safe form, and downloads of what is shown nowhere. */
function Mime({
  artifact,
  bundle,
  contents,
  drawing,
  trans
}: IShown & { bundle: Bundle }): JSX.Element {
  const chosen = drawing.choose(bundle);
  const files = Object.keys(bundle).filter(
    mime => mime !== chosen && (!chosen || isFile(mime))
  );
  return (
    <>
      {chosen && <Drawn mime={chosen} bundle={bundle} drawing={drawing} />}
      {files.map(mime => (
        <a
          key={mime}
          className="jp-nbflow-Link"
          href={contents.downloadUrl(artifact, mime)}
          download
        >
          {trans.__('Download %1', mime)}
        </a>
      ))}
    </>
  );
}

/** A form that nobody looks at, but that somebody may want to keep. */
function isFile(mime: string): boolean {
  return /^(application|audio|video|font)\//.test(mime) && !mime.endsWith('json');
}

function Drawn({
  mime,
  bundle,
  drawing,
  className = ''
}: {
  mime: string;
  bundle: Bundle;
  drawing: IDrawing;
  className?: string;
}): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const text = JSON.stringify(bundle[mime]);
  useLayoutEffect(() => {
    const node = host.current;
    const drawn = node && drawing.draw(mime, bundle, node);
    return () => drawn?.dispose();
    // Drawn anew when what it draws is another, not whenever the row was read again.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [mime, text, drawing]);
  return <div ref={host} className={`jp-nbflow-Drawn ${className}`} data-mime={mime} />;
}

function Table({
  data,
  trans
}: {
  data: { [key: string]: Json };
  trans: TranslationBundle;
}): JSX.Element {
  const columns = (data.columns ?? []) as Json[];
  const rows = (data.rows ?? []) as Json[];
  const total = Number(data.total ?? rows.length);
  const [count, setCount] = useState(ROWS_AT_ONCE);
  const more = Math.min(rows.length - count, 5 * ROWS_AT_ONCE);
  return (
    <>
      <div className="jp-nbflow-Artifact-table jp-RenderedHTMLCommon" tabIndex={0}>
        <table>
          <thead>
            <tr>
              {columns.map((column, i) => (
                <th key={i}>{textOf(column)}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, count).map((row, i) => (
              <tr key={i}>
                {cellsOf(row, columns).map((value, at) => (
                  <td key={at}>{textOf(value)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {count < total && (
        <p className="jp-nbflow-Note">
          {trans.__('first %1 of %2 rows', Math.min(count, rows.length), total)}
          {more > 0 && (
            <button
              className="jp-nbflow-LinkButton"
              name="more"
              onClick={() => setCount(count + more)}
            >
              {trans.__('Show %1 more', more)}
            </button>
          )}
        </p>
      )}
    </>
  );
}

/** A row is a list of values, or an object by column. */
function cellsOf(row: Json, columns: readonly Json[]): Json[] {
  if (Array.isArray(row)) {
    return row;
  }
  const object = (row ?? {}) as { [key: string]: Json };
  return columns.map(column => object[textOf(column)] ?? null);
}

function textOf(value: Json | undefined): string {
  return typeof value === 'object'
    ? value === null
      ? ''
      : JSON.stringify(value)
    : String(value ?? '');
}

function Link({ url, text }: { url: string; text: string }): JSX.Element {
  return ADDRESS.test(url) ? (
    <a className="jp-nbflow-Link" href={url} target="_blank" rel="noopener noreferrer">
      {text}
    </a>
  ) : (
    <p className="jp-nbflow-Note">{text === url ? url : `${text} (${url})`}</p>
  );
}

/** Within `<img>` an SVG can neither run scripts nor load anything. */
function Picture({
  data,
  trans
}: {
  data: { [key: string]: Json };
  trans: TranslationBundle;
}): JSX.Element {
  const [url, mime] = [textOf(data.url), textOf(data.mime)];
  if (url) {
    return /^https?:/i.test(url) ? (
      <img src={url} alt="" referrerPolicy="no-referrer" />
    ) : (
      <p className="jp-nbflow-Note">{url}</p>
    );
  }
  return PICTURES.includes(mime) ? (
    <img src={`data:${mime};base64,${textOf(data.base64)}`} alt="" />
  ) : (
    <p className="jp-nbflow-Note">
      {trans.__('A picture of type %1 cannot be shown.', mime)}
    </p>
  );
}

function Progress({
  percent,
  trans
}: {
  percent: number;
  trans: TranslationBundle;
}): JSX.Element {
  const text = trans.__('%1 %', String(Math.round(percent * 10) / 10));
  return (
    <div className="jp-nbflow-Progress">
      <div
        className="jp-nbflow-Progress-bar"
        role="progressbar"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-valuetext={text}
      >
        <div style={{ width: `${percent}%` }} />
      </div>
      <span>{text}</span>
    </div>
  );
}

function File({
  path,
  opener
}: {
  path: string;
  opener: IArtifactTools['opener'];
}): JSX.Element {
  const open = opener(path);
  return open ? (
    <button className="jp-nbflow-LinkButton" onClick={open}>
      {path}
    </button>
  ) : (
    <p className="jp-nbflow-Note">{path}</p>
  );
}

/** Whether an element has been nearly in sight: what nobody has scrolled to is not drawn. */
function useSeen(box: React.RefObject<HTMLElement>): boolean {
  const [seen, setSeen] = useState(typeof IntersectionObserver === 'undefined');
  useEffect(() => {
    const node = box.current;
    if (seen || !node) {
      return undefined;
    }
    const look: IntersectionObserverCallback = entries =>
      setSeen(entries.some(entry => entry.isIntersecting));
    const observer = new IntersectionObserver(look, { rootMargin: '300px' });
    observer.observe(node);
    return () => observer.disconnect();
  }, [box, seen]);
  return seen;
}
