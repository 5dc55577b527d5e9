/**
 * The Variables section of the sidebar: values by name.
 */
import type { CommandRegistry } from '@lumino/commands';
import React from 'react';
import { Empty, First } from '../components/empty';
import { Windowed } from '../components/windowed';
import { VariableCommands } from '../commands/limits';
import { previewOf } from '../models/variables';
import type { ISession } from '../tokens';
import type { Variable } from '../wire';
import { Section } from './section';

const ROW_HEIGHT = 44;

export function variableSection(session: ISession, commands: CommandRegistry): Section {
  const { variables, trans } = session;
  return new Section({
    label: trans.__('Variables'),
    className: 'jp-nbflow-Variables',
    model: variables,
    commands,
    tools: [VariableCommands.create],
    trans,
    draw: () => <Variables session={session} commands={commands} />
  });
}

interface IPart {
  session: ISession;
  commands: CommandRegistry;
}

function Variables({ session, commands }: IPart): JSX.Element {
  const { variables: model, trans } = session;
  if (!model.all.length) {
    return (
      <Empty>
        <p>
          {trans.__('No variable is set. A variable is a value all flows can read.')}
        </p>
        <First
          command={VariableCommands.create}
          label={trans.__('New variable')}
          session={session}
          commands={commands}
        />
      </Empty>
    );
  }
  const onKey = (key: string, { name }: Variable): boolean => {
    if (key === 'Delete') {
      void commands.execute(VariableCommands.remove, { variable: name });
    }
    return key === 'Delete';
  };
  return (
    <Windowed
      rows={model.all}
      rowHeight={ROW_HEIGHT}
      label={trans.__('Variables')}
      keyOf={row => row.id}
      draw={row => <VariableRow variable={row} />}
      onOpen={({ name }) =>
        void commands.execute(VariableCommands.edit, { variable: name })
      }
      onKey={onKey}
    />
  );
}

function VariableRow({ variable }: { variable: Variable }): JSX.Element {
  const { name, tags } = variable;
  const preview = previewOf(variable);
  return (
    <div className="jp-nbflow-Variable" data-variable={name}>
      <div className="jp-nbflow-Row-line">
        <code className="jp-nbflow-Row-name" title={name}>
          {name}
        </code>
        {tags.slice(0, 3).map(tag => (
          <span key={tag} className="jp-nbflow-Tag" dir="auto" title={tag}>
            {tag}
          </span>
        ))}
      </div>
      <div className="jp-nbflow-Row-line jp-nbflow-Row-small">
        <code className="jp-nbflow-Row-rest" title={preview}>
          {preview}
        </code>
      </div>
    </div>
  );
}
