/**
 * The Blocks section of the sidebar: what was saved, by type and name.
 */
import type { CommandRegistry } from '@lumino/commands';
import React, { useState } from 'react';
import { BlockCommands } from '../commands/blocks';
import { Empty, First } from '../components/empty';
import { Search } from '../components/search';
import { Windowed } from '../components/windowed';
import { found, type BlocksModel } from '../models/blocks';
import type { ISession } from '../tokens';
import type { BlockDocument } from '../wire';
import { Section } from './section';

const ROW_HEIGHT = 44;
/** From how many blocks on they are searched, not looked through. */
const MANY = 5;

export function blockSection(session: ISession, commands: CommandRegistry): Section {
  const { blocks, trans } = session;
  return new Section({
    label: trans.__('Blocks'),
    className: 'jp-nbflow-Blocks',
    model: blocks,
    commands,
    tools: [BlockCommands.create],
    trans,
    draw: () => <Blocks session={session} commands={commands} />
  });
}

interface IPart {
  session: ISession;
  commands: CommandRegistry;
}

function Blocks({ session, commands }: IPart): JSX.Element {
  const { blocks: model, trans } = session;
  const [text, setText] = useState('');
  if (!model.all.length) {
    return <NoBlock session={session} commands={commands} />;
  }
  const rows = found(model.all, text);
  const onKey = (key: string, { id }: BlockDocument): boolean => {
    if (key === 'Delete') {
      void commands.execute(BlockCommands.remove, { block: id });
    }
    return key === 'Delete';
  };
  return (
    <>
      {(model.all.length > MANY || text) && (
        <Search
          name="search-blocks"
          label={trans.__('Search blocks')}
          value={text}
          onChange={setText}
        />
      )}
      {rows.length ? (
        <Windowed
          rows={rows}
          rowHeight={ROW_HEIGHT}
          label={trans.__('Blocks')}
          keyOf={row => `block-${row.id}`}
          draw={row => <BlockRow block={row} model={model} />}
          onOpen={({ id }) => void commands.execute(BlockCommands.open, { block: id })}
          onKey={onKey}
        />
      ) : (
        <Empty>
          <p>{trans.__('No block has “%1” in its type or name.', text)}</p>
        </Empty>
      )}
    </>
  );
}

function NoBlock({ session, commands }: IPart): JSX.Element {
  const { trans } = session;
  return (
    <Empty>
      <p>
        {trans.__(
          'No block is saved. A block is configuration by name: a password, a bucket, where to notify. Choose a type to make one.'
        )}
      </p>
      <First
        command={BlockCommands.create}
        label={trans.__('New block')}
        session={session}
        commands={commands}
      />
    </Empty>
  );
}

function BlockRow({
  block,
  model
}: {
  block: BlockDocument;
  model: BlocksModel;
}): JSX.Element {
  const { id, name, type_slug } = block;
  return (
    <div className="jp-nbflow-Block" data-block={id}>
      <div className="jp-nbflow-Row-line">
        <code className="jp-nbflow-Row-name" dir="auto" title={name ?? id}>
          {name ?? id}
        </code>
      </div>
      <div className="jp-nbflow-Row-line jp-nbflow-Row-small">
        <span className="jp-nbflow-Row-rest" dir="auto" title={type_slug}>
          {model.typeOf(type_slug)?.name ?? type_slug}
        </span>
      </div>
    </div>
  );
}
