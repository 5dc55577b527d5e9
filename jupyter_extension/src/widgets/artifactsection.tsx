/**
 * The Artifacts section of the sidebar: the newest version of each key.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import React, { useCallback } from 'react';
import { kindWord, sizeText } from '../components/artifact';
import { Ago } from '../components/duration';
import { Empty } from '../components/empty';
import { Windowed } from '../components/windowed';
import { ArtifactCommands } from '../commands/limits';
import type { ArtifactListModel } from '../models/artifactlist';
import type { ISession } from '../tokens';
import type { Artifact } from '../wire';
import { Section } from './section';

const ROW_HEIGHT = 44;

export function artifactSection(session: ISession, commands: CommandRegistry): Section {
  const { artifacts, trans } = session;
  return new Section({
    label: trans.__('Artifacts'),
    className: 'jp-nbflow-Artifacts',
    model: artifacts,
    commands,
    tools: [],
    trans,
    draw: () => <Artifacts model={artifacts} commands={commands} trans={trans} />
  });
}

interface IPart {
  model: ArtifactListModel;
  commands: CommandRegistry;
  trans: TranslationBundle;
}

/** Code, in no language people speak. */
const EXAMPLE = 'create_table_artifact(rows, key="sales")';

function Artifacts({ model, commands, trans }: IPart): JSX.Element {
  const onEnd = useCallback(() => void model.loadMore(), [model]);
  if (!model.rows.length) {
    return (
      <Empty>
        <p>
          {trans.__(
            'No artifact has a key. Tables, texts and pictures that runs make with a key are kept here, version by version:'
          )}
        </p>
        <p>
          <code>{EXAMPLE}</code>
        </p>
      </Empty>
    );
  }
  const onKey = (pressed: string, { key }: Artifact): boolean => {
    if (pressed === 'Delete') {
      void commands.execute(ArtifactCommands.remove, { key });
    }
    return pressed === 'Delete';
  };
  return (
    <Windowed
      rows={model.rows}
      rowHeight={ROW_HEIGHT}
      label={trans.__('Artifacts, newest first')}
      keyOf={row => row.key ?? row.id}
      draw={row => (
        <ArtifactRow artifact={row} flow={model.flowOf(row)} trans={trans} />
      )}
      onOpen={({ key }) => void commands.execute(ArtifactCommands.open, { key })}
      onKey={onKey}
      onEnd={onEnd}
    />
  );
}

interface IArtifactRow {
  artifact: Artifact;
  flow: string;
  trans: TranslationBundle;
}

function ArtifactRow({ artifact, flow, trans }: IArtifactRow): JSX.Element {
  const { key, kind, size, created_at, updated_at, description } = artifact;
  return (
    <div
      className="jp-nbflow-ArtifactRow"
      data-artifact-key={key ?? ''}
      data-kind={kind}
    >
      <div className="jp-nbflow-Row-line">
        <span
          className="jp-nbflow-Row-name"
          dir="auto"
          title={description ?? key ?? ''}
        >
          {key}
        </span>
        <span className="jp-nbflow-Row-end jp-nbflow-Row-small">
          <Ago at={updated_at ?? created_at} trans={trans} />
        </span>
      </div>
      <div className="jp-nbflow-Row-line jp-nbflow-Row-small">
        <span className="jp-nbflow-Tag">{kindWord(kind, trans)}</span>
        <span className="jp-nbflow-Row-rest" dir="auto" title={flow}>
          {flow && trans.__('from %1', flow)}
        </span>
        <span className="jp-nbflow-Row-end">{sizeText(size)}</span>
      </div>
    </div>
  );
}
