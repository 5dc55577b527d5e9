/**
 * What is in a group of a schema form: an object's members, a list's items, with what adds, moves
 * and removes them. The focus stays with what the person is at.
 */
import React, { useLayoutEffect, useRef } from 'react';
import * as edits from '../models/draftedits';
import {
  ABSENT,
  itemAt,
  memberAt,
  type Draft,
  type IItem,
  type IOther
} from '../models/drafts';
import {
  itemOf,
  membersOf,
  otherOf,
  own,
  sizesOf,
  takesOthers,
  type IMember,
  type IShape
} from '../models/schemas';
import type { IPart } from './schemapart';

/** What a group is made of, and what draws its parts. */
interface IGroupBody extends IPart {
  draw: (part: IPart) => JSX.Element;
}

type ObjectPart = IGroupBody & { draft: Extract<Draft, { is: 'object' }> };
type ListPart = IGroupBody & { draft: Extract<Draft, { is: 'list' }> };

/** Give the paths of what is drawn in a part. */
export function partsOf({
  shape,
  draft,
  at
}: Pick<IPart, 'shape' | 'draft' | 'at'>): string[] {
  switch (draft.is) {
    case 'list':
      return draft.items.map((_, i) => itemAt(at, i));
    case 'object': {
      const others = draft.others.map(({ name }) => name);
      const names = shownMembers(shape, draft).map(({ name }) => name);
      return [...names, ...others].map(name => memberAt(at, name));
    }
    default:
      return [];
  }
}

/** Members that are always the same are told by what an alternative is called. */
function shownMembers(shape: IShape, { members }: ObjectPart['draft']): IMember[] {
  return membersOf(shape).filter(({ name }) => own(members, name)?.is !== 'fixed');
}

type Find = (box: HTMLElement) => HTMLElement | null | undefined;

/** Put the focus somewhere once what was asked for is drawn. */
function useRefocus(): [React.RefObject<HTMLDivElement>, (find: Find) => void] {
  const box = useRef<HTMLDivElement>(null);
  const wish = useRef<Find | null>(null);
  useLayoutEffect(() => {
    const find = wish.current;
    wish.current = null;
    if (find && box.current) {
      find(box.current)?.focus();
    }
  });
  return [box, find => (wish.current = find)];
}

const CONTROLS = 'input, select, textarea, button';

/** After the item at a place was removed: what removes the next, else what adds one. */
const ITEMS = ':scope > .jp-nbflow-Item, :scope > [role="list"] > .jp-nbflow-Item';

function nextTo(index: number): Find {
  return box => {
    const left = box.querySelectorAll<HTMLElement>(ITEMS);
    const item = left[Math.min(index, left.length - 1)];
    return (
      item?.querySelector<HTMLElement>(
        ':scope > .jp-nbflow-Item-tools > :last-child'
      ) ?? box.querySelector<HTMLElement>(':scope > .jp-nbflow-Add')
    );
  };
}

const lastAdded: Find = box =>
  [...box.querySelectorAll<HTMLElement>(ITEMS)]
    .at(-1)
    ?.querySelector<HTMLElement>(CONTROLS);

// -- objects ------------------------------------------------------------------------------------

export function ObjectBody(props: ObjectPart): JSX.Element {
  const { shape, draft, at, problems, onDraft, draw: Draw, trans } = props;
  const [box, refocus] = useRefocus();
  return (
    <div className="jp-nbflow-Members" ref={box}>
      {shownMembers(shape, draft).map(({ name, shape: inner, needed }) => (
        <Draw
          key={name}
          shape={inner}
          draft={own(draft.members, name) ?? ABSENT}
          at={memberAt(at, name)}
          label={name}
          needed={needed}
          problems={problems}
          onDraft={(next, where) => onDraft(edits.setMember(draft, name, next), where)}
          trans={trans}
        />
      ))}
      {draft.others.map((other, index) => (
        <OtherRow
          key={other.id}
          {...props}
          other={other}
          index={index}
          onRemove={() => {
            refocus(nextTo(index));
            onDraft(edits.removeOther(draft, other.id), at);
          }}
        />
      ))}
      {takesOthers(shape) && (
        <AddButton
          {...props}
          onAdd={() => {
            refocus(lastAdded);
            onDraft(edits.addOther(shape, draft), at);
          }}
        />
      )}
    </div>
  );
}

interface IOtherRow extends ObjectPart {
  other: IOther;
  index: number;
  onRemove: () => void;
}

function OtherRow(props: IOtherRow): JSX.Element {
  const {
    shape,
    draft,
    at,
    other,
    index,
    problems,
    onDraft,
    draw: Draw,
    trans
  } = props;
  const where = memberAt(at, other.name);
  return (
    <div className="jp-nbflow-Item jp-nbflow-mod-named">
      <input
        name={`${at}:${index}`}
        className="jp-nbflow-Code jp-nbflow-Item-name"
        aria-label={trans.__('Name')}
        placeholder={trans.__('Name')}
        autoComplete="off"
        spellCheck={false}
        value={other.name}
        onChange={event =>
          onDraft(edits.setOther(draft, other.id, { name: event.target.value }), where)
        }
      />
      <Draw
        shape={otherOf(shape)}
        draft={other.draft}
        at={where}
        label={other.name || trans.__('Value')}
        needed={true}
        bare={true}
        problems={problems}
        onDraft={(next, edited) =>
          onDraft(edits.setOther(draft, other.id, { draft: next }), edited)
        }
        trans={trans}
      />
      <div className="jp-nbflow-Item-tools">
        <Tool
          icon={CROSS}
          label={trans.__('Remove %1', other.name)}
          onClick={props.onRemove}
        />
      </div>
    </div>
  );
}

// -- lists --------------------------------------------------------------------------------------

export function ListBody(props: ListPart): JSX.Element {
  const { shape, draft, at, onDraft } = props;
  const [box, refocus] = useRefocus();
  const { most } = sizesOf(shape);
  const move = (item: IItem, by: -1 | 1): void => {
    const here = document.activeElement;
    refocus(() => (here instanceof HTMLElement ? here : null));
    onDraft(edits.moveItem(draft, item.id, by), at);
  };
  return (
    <div className="jp-nbflow-Items" ref={box}>
      <div className="jp-nbflow-Items-list" role="list">
        {draft.items.map((item, index) => (
          <ItemRow
            key={item.id}
            {...props}
            item={item}
            index={index}
            onMove={by => move(item, by)}
            onRemove={() => {
              refocus(nextTo(index));
              onDraft(edits.removeItem(draft, item.id), at);
            }}
          />
        ))}
      </div>
      {draft.items.length < most && (
        <AddButton
          {...props}
          onAdd={() => {
            refocus(lastAdded);
            onDraft(edits.addItem(shape, draft), at);
          }}
        />
      )}
    </div>
  );
}

interface IItemRow extends ListPart {
  item: IItem;
  index: number;
  onMove: (by: -1 | 1) => void;
  onRemove: () => void;
}

function ItemRow(props: IItemRow): JSX.Element {
  const { shape, draft, at, item, index, label, onMove, onDraft, draw: Draw } = props;
  const { problems, trans } = props;
  const heads = shape.schema.prefixItems?.length ?? 0;
  const movable = heads === 0 && draft.items.length > 1;
  const name = trans.__('%1, item %2', label, index + 1);
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const by = event.key === 'ArrowUp' ? -1 : event.key === 'ArrowDown' ? 1 : 0;
    if (movable && by && event.altKey) {
      event.preventDefault();
      event.stopPropagation();
      onMove(by);
    }
  };
  return (
    <div className="jp-nbflow-Item" role="listitem" onKeyDown={onKeyDown}>
      <span className="jp-nbflow-Item-place" aria-hidden="true">
        {index + 1}
      </span>
      <Draw
        shape={itemOf(shape, index)}
        draft={item.draft}
        at={itemAt(at, index)}
        label={name}
        needed={true}
        bare={true}
        problems={problems}
        onDraft={(next, edited) => onDraft(edits.setItem(draft, item.id, next), edited)}
        trans={trans}
      />
      <div className="jp-nbflow-Item-tools">
        {movable && (
          <>
            <Tool
              icon={UP}
              label={trans.__('Move %1 up', name)}
              disabled={index === 0}
              onClick={() => onMove(-1)}
            />
            <Tool
              icon={DOWN}
              label={trans.__('Move %1 down', name)}
              disabled={index === draft.items.length - 1}
              onClick={() => onMove(1)}
            />
          </>
        )}
        {index >= heads && (
          <Tool
            icon={CROSS}
            label={trans.__('Remove %1', name)}
            onClick={props.onRemove}
          />
        )}
      </div>
    </div>
  );
}

// -- buttons ------------------------------------------------------------------------------------

const CROSS = 'M4 4l8 8M12 4l-8 8';
const UP = 'M3.5 10L8 5.5l4.5 4.5';
const DOWN = 'M3.5 6L8 10.5 12.5 6';
const PLUS = 'M8 3v10M3 8h10';

function Icon({ path }: { path: string }): JSX.Element {
  return (
    <svg className="jp-nbflow-Stroke" viewBox="0 0 16 16" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}

interface ITool {
  icon: string;
  label: string;
  disabled?: boolean;
  onClick: () => void;
}

/** A button that keeps the focus where it has nothing more to do. */
function Tool({ icon, label, disabled, onClick }: ITool): JSX.Element {
  return (
    <button
      type="button"
      className="jp-nbflow-IconButton"
      title={label}
      aria-label={label}
      aria-disabled={disabled || undefined}
      onClick={disabled ? undefined : onClick}
    >
      <Icon path={icon} />
    </button>
  );
}

interface IAddButton extends Pick<ListPart, 'at' | 'label' | 'trans'> {
  onAdd: () => void;
}

function AddButton({ at, label, trans, onAdd }: IAddButton): JSX.Element {
  return (
    <button
      type="button"
      className="jp-nbflow-LinkButton jp-nbflow-Add"
      name={`${at}.add`}
      aria-label={trans.__('Add to %1', label)}
      onClick={onAdd}
    >
      <Icon path={PLUS} /> {trans.__('Add')}
    </button>
  );
}
