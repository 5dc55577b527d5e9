/**
 * The page of block types: what each is for, the blocks there are of it, and a button for another.
 */
import type { CommandRegistry } from '@lumino/commands';
import React, { useState } from 'react';
import { BlockCommands } from '../commands/blocks';
import { CardTools } from '../components/card';
import { Empty, ProblemNote, Skeleton } from '../components/empty';
import { Lost } from '../components/lost';
import { useModel } from '../components/usemodel';
import { labelOf, type BlocksModel } from '../models/blocks';
import type { ISession } from '../tokens';
import type { BlockDocument, BlockType } from '../wire';
import { Looker } from './section';

/** Types, and blocks of one, that are drawn at once: with more, people search. */
const MOST = 100;

export interface IBlocksPage {
  session: ISession;
  commands: CommandRegistry;
}

export class BlocksPage extends Looker {
  constructor(private readonly _options: IBlocksPage) {
    super([_options.session.blocks]);
    this.model = _options.session.blocks;
    this.addClass('jp-nbflow-Page');
    this.addClass('jp-nbflow-BlocksPage');
    this.title.label = _options.session.trans.__('Blocks');
  }

  readonly model: BlocksModel;

  protected draw(): JSX.Element {
    return <Whole {...this._options} />;
  }
}

function Whole({ session, commands }: IBlocksPage): JSX.Element {
  const { allowed, blocks, trans } = session;
  useModel(blocks);
  useModel(allowed);
  const [search, setSearch] = useState('');
  const asked = search.trim().toLowerCase();
  const types = blocks.types.filter(type => isMeant(type, asked));
  const left = types.length - MOST;
  return (
    <>
      <div className="jp-nbflow-Page-title">
        <h1>{trans.__('Block types')}</h1>
        <input
          type="search"
          className="jp-nbflow-Page-search"
          aria-label={trans.__('Search block types')}
          placeholder={trans.__('Search block types')}
          value={search}
          onChange={({ target }) => setSearch(target.value)}
        />
      </div>
      <Lost feed={session.feed} trans={trans} />
      {blocks.problem && <ProblemNote problem={blocks.problem} />}
      {!blocks.loaded && !blocks.problem && <Skeleton rows={6} trans={trans} />}
      {blocks.loaded && !types.length && (
        <Empty>
          <p>
            {trans.__(
              'No type is called so. A class of your own is one: save or register a block of it from Python.'
            )}
          </p>
        </Empty>
      )}
      <div className="jp-nbflow-BlockTypes">
        {types.slice(0, MOST).map(type => (
          <TypeCard key={type.slug} type={type} session={session} commands={commands} />
        ))}
      </div>
      {left > 0 && (
        <p className="jp-nbflow-Note">
          {trans._n('%1 more: search for it.', '%1 more: search for them.', left, left)}
        </p>
      )}
    </>
  );
}

function isMeant({ slug, name, description }: BlockType, asked: string): boolean {
  return [slug, name, description].some(text => text.toLowerCase().includes(asked));
}

interface ITypeCard extends IBlocksPage {
  type: BlockType;
}

function TypeCard({ type, session, commands }: ITypeCard): JSX.Element {
  const { allowed, blocks, trans } = session;
  const { slug, name, description } = type;
  const rows = blocks.all.filter(row => row.type_slug === slug);
  const create = {
    name: 'create-block',
    label: trans.__('New'),
    not: allowed.whyNot(BlockCommands.create),
    onClick: () => void commands.execute(BlockCommands.create, { block_type: slug })
  };
  return (
    <section className="jp-nbflow-Card" aria-label={name} data-block-type={slug}>
      <div className="jp-nbflow-Card-head">
        <h2 dir="auto" title={slug}>
          {name}
        </h2>
        <CardTools tools={[create]} />
      </div>
      <p className="jp-nbflow-BlockWords" dir="auto">
        {description}
      </p>
      <MoreOfType type={type} trans={trans} />
      {rows.length > 0 && (
        <BlockLinks rows={rows.slice(0, MOST)} commands={commands} short={true} />
      )}
    </section>
  );
}

/** A link to what is said of a type elsewhere; other addresses than the web's are none. */
export function MoreOfType({
  type,
  trans
}: {
  type: BlockType;
  trans: ISession['trans'];
}): JSX.Element | null {
  const url = type.documentation_url ?? '';
  return /^https?:\/\//i.test(url) ? (
    <a
      className="jp-nbflow-Link"
      href={url}
      target="_blank"
      rel="noopener noreferrer"
      title={url}
    >
      {trans.__('More on %1', type.name)}
    </a>
  ) : null;
}

export interface IBlockLinks {
  rows: readonly BlockDocument[];
  commands: CommandRegistry;
  /** By their names alone: the type is said beside. */
  short?: boolean;
}

export function BlockLinks({ rows, commands, short }: IBlockLinks): JSX.Element {
  return (
    <ul className="jp-nbflow-BlockLinks">
      {rows.map(row => (
        <li key={row.id}>
          <button
            className="jp-nbflow-LinkButton"
            title={labelOf(row)}
            onClick={() => void commands.execute(BlockCommands.open, { block: row.id })}
          >
            {short ? (row.name ?? row.id) : labelOf(row)}
          </button>
        </li>
      ))}
    </ul>
  );
}
