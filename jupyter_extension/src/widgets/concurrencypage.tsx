/**
 * The page of concurrency limits: each with who holds its slots and who waits for them.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import React, { useEffect, useRef, useState } from 'react';
import { CommandIDs } from '../commands';
import { CardTools } from '../components/card';
import { Ago } from '../components/duration';
import { ProblemNote, Skeleton } from '../components/empty';
import { Lost } from '../components/lost';
import { Switch, Usage } from '../components/standing';
import { useModel } from '../components/usemodel';
import { LimitCommands } from '../commands/limits';
import { offering } from '../commands/guarded';
import {
  fullness,
  holdersOf,
  TAG_PREFIX,
  usedText,
  waitersOf,
  type LimitsModel
} from '../models/limits';
import type { ISession } from '../tokens';
import type { ConcurrencyLimit, Slot } from '../wire';
import { NoLimit } from './concurrency';
import { Looker } from './section';

/** Slots of one limit that are listed at once. */
const LISTED = 50;

export interface IConcurrencyPage {
  session: ISession;
  commands: CommandRegistry;
}

export class ConcurrencyPage extends Looker {
  constructor(private readonly _options: IConcurrencyPage) {
    super([_options.session.limits]);
    this.model = _options.session.limits;
    this.addClass('jp-nbflow-Page');
    this.addClass('jp-nbflow-Concurrency');
    this.title.label = _options.session.trans.__('Concurrency');
  }

  readonly model: LimitsModel;

  /** Bring a limit into sight. */
  reveal(limit: string): void {
    this._revealed = limit;
    this.update();
  }

  protected draw(): JSX.Element {
    return <Whole {...this._options} revealed={this._revealed} />;
  }

  private _revealed = '';
}

function Whole({
  session,
  commands,
  revealed
}: IConcurrencyPage & { revealed: string }): JSX.Element {
  const { allowed, limits, trans } = session;
  useModel(limits);
  useModel(allowed);
  const [search, setSearch] = useState('');
  const text = search.trim().toLowerCase();
  const found = limits.all.filter(({ name }) => name.toLowerCase().includes(text));
  const create = {
    name: 'create-limit',
    label: trans.__('New limit'),
    not: allowed.whyNot(LimitCommands.create),
    onClick: () => void commands.execute(LimitCommands.create)
  };
  return (
    <>
      <div className="jp-nbflow-Page-title">
        <h1>{trans.__('Concurrency limits')}</h1>
        {limits.all.length > 5 && (
          <input
            type="search"
            className="jp-nbflow-Page-search"
            aria-label={trans.__('Search limits')}
            placeholder={trans.__('Search limits')}
            value={search}
            onChange={({ target }) => setSearch(target.value)}
          />
        )}
        <CardTools tools={[create]} />
      </div>
      <Lost feed={session.feed} trans={trans} />
      {limits.problem && <ProblemNote problem={limits.problem} />}
      {!limits.loaded && !limits.problem && <Skeleton rows={4} trans={trans} />}
      {limits.loaded && !limits.all.length && (
        <NoLimit session={session} commands={commands} />
      )}
      {found.map(limit => (
        <LimitCard
          key={limit.id}
          limit={limit}
          revealed={limit.name === revealed}
          session={session}
          commands={commands}
        />
      ))}
    </>
  );
}

interface ILimitCard extends IConcurrencyPage {
  limit: ConcurrencyLimit;
  revealed: boolean;
}

function LimitCard({ limit, revealed, session, commands }: ILimitCard): JSX.Element {
  const { trans } = session;
  const { name, active, slot_decay_per_second } = limit;
  const card = useRef<HTMLElement>(null);
  useEffect(() => {
    if (revealed) {
      card.current?.scrollIntoView({ block: 'nearest' });
    }
  }, [revealed]);
  const doing = offering(commands, session, { limit: name });
  const turn = doing(active ? LimitCommands.switchOff : LimitCommands.switchOn);
  const tag = name.startsWith(TAG_PREFIX);
  return (
    <section
      ref={card}
      className={`jp-nbflow-Card${revealed ? ' jp-mod-revealed' : ''}`}
      aria-label={trans.__('Limit %1', name)}
      data-limit={name}
    >
      <div className="jp-nbflow-Card-head">
        <h2 dir="auto">{tag ? name.slice(TAG_PREFIX.length) : name}</h2>
        {tag && <span className="jp-nbflow-Tag">{trans.__('tag of task runs')}</span>}
        <Usage
          used={usedText(limit)}
          limit={limit.limit}
          full={fullness(limit)}
          label={trans.__('Slots in use')}
        />
        <Switch
          on={active}
          name="limit-active"
          label={trans.__('The limit %1 holds', name)}
          title={active ? trans.__('Deactivate') : trans.__('Activate')}
          not={turn.not}
          onChange={turn.onClick}
        />
        <CardTools
          tools={[
            { name: 'edit', label: trans.__('Edit'), ...doing(LimitCommands.edit) },
            { name: 'reset', label: trans.__('Reset'), ...doing(LimitCommands.reset) },
            {
              name: 'delete',
              label: trans.__('Delete'),
              ...doing(LimitCommands.remove)
            }
          ]}
        />
      </div>
      {!active && (
        <p className="jp-nbflow-Note">{trans.__('It is off: everybody passes.')}</p>
      )}
      {slot_decay_per_second > 0 && (
        <p className="jp-nbflow-Note">
          {trans.__(
            'A rate limit: %1 slots come back each second.',
            slot_decay_per_second
          )}
        </p>
      )}
      <Slots limit={limit} commands={commands} trans={trans} />
    </section>
  );
}

interface ISlots {
  limit: ConcurrencyLimit;
  commands: CommandRegistry;
  trans: TranslationBundle;
}

function Slots({ limit, commands, trans }: ISlots): JSX.Element {
  const all = [...holdersOf(limit), ...waitersOf(limit)];
  if (!all.length) {
    return <p className="jp-nbflow-Note">{trans.__('Nobody holds a slot.')}</p>;
  }
  return (
    <>
      <table className="jp-nbflow-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Place')}</th>
            <th scope="col">{trans.__('Who')}</th>
            <th scope="col">{trans.__('Slots')}</th>
            <th scope="col">{trans.__('Since')}</th>
          </tr>
        </thead>
        <tbody>
          {all.slice(0, LISTED).map(slot => (
            <SlotRow
              key={slot.request_id}
              slot={slot}
              commands={commands}
              trans={trans}
            />
          ))}
        </tbody>
      </table>
      {all.length > LISTED && (
        <p className="jp-nbflow-Note">
          {trans.__('The first %1 of %2.', LISTED, all.length)}
        </p>
      )}
    </>
  );
}

interface ISlotRow {
  slot: Slot;
  commands: CommandRegistry;
  trans: TranslationBundle;
}

function SlotRow({ slot, commands, trans }: ISlotRow): JSX.Element {
  const { position, occupy, taken_at, asked_at } = slot;
  return (
    <tr data-position={position}>
      <td>
        {position === 0
          ? trans.__('Holds it')
          : trans.__('Waits, %1 in line', position)}
      </td>
      <td>
        <Who slot={slot} commands={commands} trans={trans} />
      </td>
      <td>{occupy}</td>
      <td>
        <Ago at={taken_at ?? asked_at} trans={trans} />
      </td>
    </tr>
  );
}

function Who({ slot, commands, trans }: ISlotRow): JSX.Element {
  const { flow_run_id, flow_run_name, task_run_name, owner } = slot;
  if (flow_run_id === null) {
    const host = owner?.host ?? '';
    return owner ? (
      <>{trans.__('process %1 on %2', owner.pid, host)}</>
    ) : (
      <>{trans.__('a process that is not known')}</>
    );
  }
  return (
    <>
      <button
        className="jp-nbflow-LinkButton"
        dir="auto"
        onClick={() => void commands.execute(CommandIDs.openRun, { flow_run_id })}
      >
        {flow_run_name ?? flow_run_id}
      </button>
      {task_run_name && <span className="jp-nbflow-Table-note">{task_run_name}</span>}
    </>
  );
}
