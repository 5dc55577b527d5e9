/**
 * The field that takes a saved block: one of those there are, or one that is made on the spot.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useRef, useState } from 'react';
import { problemOf } from '../errors';
import {
  labelOf,
  offeredBlocks,
  type BlocksModel,
  type ITaken
} from '../models/blocks';
import type { ILeaf } from '../models/drafts';
import { NewBlockModel } from '../models/newblock';
import type { BlockDocument, Problem } from '../wire';
import { ProblemNote } from './empty';
import { NewBlockFields } from './newblock';
import type { IControl } from './schemacontrol';
import { useModel } from './usemodel';

export interface IBlockPicker extends IControl {
  draft: ILeaf;
  taken: ITaken;
  /** What is written for a block: its id, unless it is said. */
  textOf?: (block: BlockDocument) => string;
}

/** Without a server to ask, the block's id or name is typed. */
export function BlockPicker(props: IBlockPicker): JSX.Element {
  const blocks = offeredBlocks();
  const { draft, at, disabled, tie, onDraft } = props;
  return blocks ? (
    <Picker {...props} blocks={blocks} />
  ) : (
    <input
      {...tie}
      name={at}
      disabled={disabled}
      value={draft.text}
      onChange={event => onDraft({ ...draft, text: event.target.value })}
    />
  );
}

interface IPicker extends IBlockPicker {
  blocks: BlocksModel;
}

function Picker(props: IPicker): JSX.Element {
  const { blocks, draft, at, needed, disabled, tie, taken, onDraft, trans } = props;
  const textOf = props.textOf ?? (({ id }: BlockDocument) => id);
  const [rows, problem] = useChoices(blocks, taken);
  const [making, setMaking] = useState<NewBlockModel | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const named = rows?.some(row => textOf(row) === draft.text || row.id === draft.text);
  const value =
    rows?.find(row => row.id === draft.text || labelOf(row) === draft.text) ?? null;
  const choose = (text: string): void => onDraft({ ...draft, text });
  const done = (made: BlockDocument | null): void => {
    setMaking(null);
    if (made) {
      choose(textOf(made));
    }
    box.current?.querySelector('select')?.focus();
  };
  const make = async (): Promise<void> =>
    setMaking(new NewBlockModel(blocks, await blocks.typesFor(taken), trans));
  return (
    <div className="jp-nbflow-BlockPicker" ref={box}>
      <div className="jp-nbflow-BlockPicker-line">
        <select
          {...tie}
          name={at}
          disabled={disabled}
          aria-required={needed || undefined}
          value={value ? textOf(value) : draft.text}
          onChange={event => choose(event.target.value)}
        >
          <option value="">{trans.__('Choose a block…')}</option>
          {draft.text && !named && (
            <option value={draft.text}>
              {rows ? trans.__('%1 (not there)', draft.text) : draft.text}
            </option>
          )}
          {rows?.map(row => (
            <option key={row.id} value={textOf(row)}>
              {labelOf(row)}
            </option>
          ))}
        </select>
        {!making && !disabled && (
          <button
            type="button"
            className="jp-nbflow-LinkButton"
            name={`${at}.new`}
            onClick={() => void make()}
          >
            {trans.__('New block…')}
          </button>
        )}
      </div>
      {problem && <ProblemNote problem={problem} />}
      {making && <Making model={making} at={at} onDone={done} trans={trans} />}
    </div>
  );
}

/** Follow the blocks a field may take; null: they are not known yet. */
function useChoices(
  blocks: BlocksModel,
  taken: ITaken
): [readonly BlockDocument[] | null, Problem | null] {
  useModel(blocks);
  const [rows, setRows] = useState<readonly BlockDocument[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const asked = JSON.stringify(taken);
  useEffect(() => {
    const look = blocks.look();
    return () => look.dispose();
  }, [blocks]);
  useEffect(() => {
    let wanted = true;
    if (blocks.loaded) {
      blocks.choices(JSON.parse(asked) as ITaken).then(
        found => wanted && setRows(found),
        (reason: unknown) => wanted && setProblem(problemOf(reason))
      );
    }
    return () => void (wanted = false);
  }, [blocks, blocks.version, asked]);
  return [rows, problem ?? blocks.problem];
}

interface IMaking {
  model: NewBlockModel;
  at: string;
  onDone: (made: BlockDocument | null) => void;
  trans: TranslationBundle;
}

/** A block is made within another's form: a dialog cannot be opened over a dialog. */
function Making({ model, at, onDone, trans }: IMaking): JSX.Element {
  useModel(model);
  const box = useRef<HTMLDivElement>(null);
  const ready = model.form !== null;
  useEffect(() => {
    if (ready) {
      box.current?.querySelector<HTMLElement>('input, select, textarea')?.focus();
    }
  }, [ready]);
  const save = async (): Promise<void> => {
    if (await model.submit()) {
      onDone(model.made);
    }
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    if (event.key === 'Enter' && (event.target as Element).matches('input')) {
      event.preventDefault();
      event.stopPropagation();
      void save();
    }
  };
  return (
    <div
      className="jp-nbflow-Inline"
      role="group"
      aria-label={trans.__('New block')}
      ref={box}
      onKeyDown={onKeyDown}
    >
      <NewBlockFields model={model} trans={trans} />
      <div className="jp-nbflow-Inline-buttons">
        <button
          type="button"
          className="jp-nbflow-Button"
          name={`${at}.cancel-new`}
          onClick={() => onDone(null)}
        >
          {trans.__('Cancel')}
        </button>
        <button
          type="button"
          className="jp-nbflow-Button jp-mod-accent"
          name={`${at}.save-new`}
          disabled={!model.form || model.form.submitting}
          onClick={() => void save()}
        >
          {trans.__('Save the block')}
        </button>
      </div>
    </div>
  );
}
