/**
 * The page of one artifact: its versions in time, and the one that is looked at, drawn or raw.
 */
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import React, { useEffect, useState } from 'react';
import { CommandIDs } from '../commands';
import {
  ArtifactBody,
  Downloads,
  DRAWN_AT_ONCE,
  kindWord,
  sizeText,
  type IArtifactTools
} from '../components/artifact';
import { Ago, exactText } from '../components/duration';
import { Empty, ProblemNote, Skeleton } from '../components/empty';
import { Lost } from '../components/lost';
import { Segments } from '../components/standing';
import { useModel } from '../components/usemodel';
import { Windowed } from '../components/windowed';
import { ArtifactCommands } from '../commands/limits';
import { ArtifactPageModel, type Subject } from '../models/artifactpage';
import { ArtifactContents } from '../models/artifacts';
import type { ISession } from '../tokens';
import type { Artifact } from '../wire';
import { drawingOf, type IArtifactList } from './artifactlist';
import { safeRegistry } from './safemime';
import { Looker } from './section';

const ROW_HEIGHT = 46;
/** Characters of a raw content that are shown. */
const RAW_AT_MOST = 200_000;

export interface IArtifactPage {
  subject: Subject;
  session: ISession;
  commands: CommandRegistry;
  rendermime: IRenderMimeRegistry;
  opener: IArtifactList['opener'];
}

export class ArtifactPage extends Looker {
  constructor(private readonly _options: IArtifactPage) {
    const { subject, session, rendermime, opener } = _options;
    const model = new ArtifactPageModel(subject, session.api, session.feed);
    super([model]);
    this.model = model;
    this._tools = {
      contents: new ArtifactContents(session.api),
      drawing: drawingOf(safeRegistry(rendermime)),
      opener,
      trans: session.trans
    };
    this.addClass('jp-nbflow-ArtifactPage');
    this.title.label = 'key' in subject ? subject.key : session.trans.__('Artifact');
  }

  readonly model: ArtifactPageModel;

  override dispose(): void {
    this.model.dispose();
    super.dispose();
  }

  protected draw(): JSX.Element {
    return <Whole {...this._options} model={this.model} tools={this._tools} />;
  }

  private readonly _tools: IArtifactTools;
}

interface IPart extends IArtifactPage {
  model: ArtifactPageModel;
  tools: IArtifactTools;
}

function Whole(props: IPart): JSX.Element {
  const { model, session } = props;
  const { trans } = session;
  useModel(model);
  const { chosen } = model;
  if (!model.loaded) {
    return model.problem ? (
      <ProblemNote problem={model.problem} />
    ) : (
      <Skeleton rows={6} trans={trans} />
    );
  }
  if (!chosen) {
    return (
      <Empty title={trans.__('There is no artifact “%1”', model.name)}>
        <p>{trans.__('It was deleted, or no run has made it yet.')}</p>
      </Empty>
    );
  }
  return (
    <>
      <Lost feed={session.feed} trans={trans} />
      <Versions model={model} chosen={chosen} trans={trans} />
      <Chosen key={chosen.id} {...props} artifact={chosen} />
    </>
  );
}

function Versions({
  model,
  chosen,
  trans
}: {
  model: ArtifactPageModel;
  chosen: Artifact;
  trans: TranslationBundle;
}): JSX.Element {
  return (
    <nav className="jp-nbflow-Versions" aria-label={trans.__('Versions')}>
      <h2>
        {trans._n(
          '%1 version',
          '%1 versions',
          model.versions.length,
          model.versions.length
        )}
      </h2>
      <Windowed
        rows={model.versions}
        rowHeight={ROW_HEIGHT}
        label={trans.__('Versions, newest first')}
        keyOf={({ id }) => id}
        draw={version => (
          <div
            className="jp-nbflow-Version"
            data-artifact-id={version.id}
            data-chosen={version.id === chosen.id}
          >
            <span className="jp-nbflow-Version-dot" aria-hidden="true" />
            <span className="jp-nbflow-Version-when">
              <Ago at={version.created_at} trans={trans} />
              {version.id === chosen.id && (
                <span className="jp-nbflow-Hidden">, {trans.__('shown')}</span>
              )}
            </span>
            <span className="jp-nbflow-Version-run" dir="auto">
              {model.runOf(version)?.name ?? trans.__('no run')}
            </span>
          </div>
        )}
        onOpen={({ id }) => model.choose(id)}
      />
    </nav>
  );
}

type Look = 'drawn' | 'raw';

function Chosen(props: IPart & { artifact: Artifact }): JSX.Element {
  const { artifact, model, tools, session, commands } = props;
  const { allowed, trans } = session;
  useModel(allowed);
  const not = allowed.whyNot(ArtifactCommands.remove);
  const [look, setLook] = useState<Look>('drawn');
  const { key, kind, size, created_at, updated_at, flow_run_id } = artifact;
  const run = model.runOf(artifact);
  return (
    <article className="jp-nbflow-ArtifactPage-chosen" data-kind={kind}>
      <header>
        <div className="jp-nbflow-Page-title">
          <h1 dir="auto" title={model.name}>
            {model.name}
          </h1>
          <span className="jp-nbflow-Tag">{kindWord(kind, trans)}</span>
          {model.follows && <span className="jp-nbflow-Tag">{trans.__('newest')}</span>}
          <span className="jp-nbflow-Card-tools">
            <Segments
              label={trans.__('How it is shown')}
              value={look}
              options={[
                ['drawn', trans.__('Shown')],
                ['raw', trans.__('Raw')]
              ]}
              onChange={setLook}
            />
            {key !== null && (
              <button
                className="jp-nbflow-Button"
                name="delete"
                title={not || undefined}
                disabled={not !== ''}
                onClick={() => void commands.execute(ArtifactCommands.remove, { key })}
              >
                {trans.__('Delete')}
              </button>
            )}
          </span>
        </div>
        <dl className="jp-nbflow-Facts">
          <div>
            <dt>{trans.__('Made')}</dt>
            <dd>{exactText(created_at)}</dd>
          </div>
          {updated_at && (
            <div>
              <dt>{trans.__('Changed')}</dt>
              <dd>
                <Ago at={updated_at} trans={trans} />
              </dd>
            </div>
          )}
          <div>
            <dt>{trans.__('By')}</dt>
            <dd>
              {flow_run_id ? (
                <button
                  className="jp-nbflow-LinkButton"
                  name="run"
                  onClick={() =>
                    void commands.execute(CommandIDs.openRun, { flow_run_id })
                  }
                >
                  {run ? trans.__('%1 of %2', run.name, run.flow_name) : flow_run_id}
                </button>
              ) : (
                trans.__('no run')
              )}
            </dd>
          </div>
          <div>
            <dt>{trans.__('Size')}</dt>
            <dd>{sizeText(size)}</dd>
          </div>
          <div>
            <dt className="jp-nbflow-Hidden">{trans.__('As files')}</dt>
            <dd className="jp-nbflow-Downloads">
              <Downloads artifact={artifact} contents={tools.contents} trans={trans} />
            </dd>
          </div>
        </dl>
      </header>
      <div
        className="jp-nbflow-Artifact"
        data-kind={kind}
        data-artifact-id={artifact.id}
      >
        {look === 'drawn' ? (
          <ArtifactBody {...tools} artifact={artifact} />
        ) : (
          <Raw artifact={artifact} tools={tools} />
        )}
      </div>
    </article>
  );
}

/** The content as it is kept: text as text, anything else as JSON. */
function Raw({
  artifact,
  tools: { contents, trans }
}: {
  artifact: Artifact;
  tools: IArtifactTools;
}): JSX.Element {
  useModel(contents);
  const small = artifact.size <= DRAWN_AT_ONCE;
  useEffect(() => {
    if (small) {
      contents.ask(artifact);
    }
  }, [small, contents, artifact]);
  if (!small) {
    return (
      <p className="jp-nbflow-Note">
        {trans.__('%1 is too much to read here. Download it.', sizeText(artifact.size))}
      </p>
    );
  }
  const content = contents.of(artifact);
  if (content === null) {
    return <Skeleton rows={4} trans={trans} />;
  }
  if ('problem' in content) {
    return <ProblemNote problem={content.problem} />;
  }
  const { data } = content;
  const text = typeof data === 'string' ? data : JSON.stringify(data, null, 2);
  return (
    <>
      <pre className="jp-nbflow-Raw" tabIndex={0}>
        {text.slice(0, RAW_AT_MOST)}
      </pre>
      {text.length > RAW_AT_MOST && (
        <p className="jp-nbflow-Note">
          {trans.__('the first %1 of %2 characters', RAW_AT_MOST, text.length)}
        </p>
      )}
    </>
  );
}
