/**
 * The page of events: counted over time, listed as they are committed, one of them in full beside the
 * list. What comes while somebody reads further down waits until it is asked for.
 */
import type { CommandRegistry } from '@lumino/commands';
import React from 'react';
import { CountBars } from '../components/charts/countbars';
import { spanText } from '../components/charts/words';
import { Ago } from '../components/duration';
import { Empty, ProblemNote, Skeleton } from '../components/empty';
import { Lost } from '../components/lost';
import { TimeChoice } from '../components/timechoice';
import { useModel } from '../components/usemodel';
import { Windowed } from '../components/windowed';
import { NAME, type ITyped } from '../models/eventfilter';
import { nameOf, partsOf } from '../models/eventlinks';
import { EventsModel, type IEventChoice } from '../models/events';
import type { ISession } from '../tokens';
import type { EventView } from '../wire';
import { EventDetail } from './eventdetail';
import { InSight } from './insight';

const ROW_HEIGHT = 44;
/** Scrolled less far than this, the newest is in sight. */
const AT_TOP = 8;
const LIST = '.jp-nbflow-Events-list [role="listbox"]';

export interface IEventsPage {
  session: ISession;
  commands: CommandRegistry;
  choice?: Partial<IEventChoice>;
}

export interface IEventsPart extends Omit<IEventsPage, 'choice'> {
  model: EventsModel;
}

export class EventsPage extends InSight {
  constructor(private readonly _options: IEventsPage) {
    super();
    const { session, choice } = _options;
    this.model = new EventsModel(session.api, session.feed, choice);
    this.addClass('jp-nbflow-Events');
    this.title.label = session.trans.__('Events');
  }

  readonly model: EventsModel;

  override dispose(): void {
    this.model.dispose();
    super.dispose();
  }

  protected override turned(shown: boolean): void {
    this.model.shown = shown;
  }

  protected draw(): JSX.Element {
    const { session, commands } = this._options;
    return <Page model={this.model} session={session} commands={commands} />;
  }
}

function Page(part: IEventsPart): JSX.Element {
  const { model, session, commands } = part;
  const { trans } = session;
  useModel(model);
  const said = (count: number): string =>
    trans._n('%1 event', '%1 events', count, count.toLocaleString());
  return (
    <>
      <Filters {...part} />
      <Lost feed={session.feed} trans={trans} />
      {model.problem && <ProblemNote problem={model.problem} />}
      <CountBars
        bars={model.bars ?? []}
        picked={model.picked}
        onPick={span => model.pick(span)}
        label={trans.__('Events over time')}
        said={said}
        trans={trans}
      />
      <Standing {...part} said={said} />
      <div className="jp-nbflow-Events-body" data-opened={model.opened !== null}>
        <List {...part} />
        {model.opened && (
          <EventDetail
            key={model.opened.id}
            view={model.opened}
            model={model}
            session={session}
            commands={commands}
          />
        )}
      </div>
    </>
  );
}

function Filters({ model, session: { trans } }: IEventsPart): JSX.Element {
  const { range, custom } = model.choice;
  return (
    <div className="jp-nbflow-Overview-filters">
      <h1>{trans.__('Events')}</h1>
      <TimeChoice
        {...{ range, custom, trans }}
        span={model.span}
        onChoose={choice => model.choose(choice)}
      />
      <Term
        model={model}
        name="event"
        label={trans.__(
          'Names of events, with commas between; * for anything, ! for not'
        )}
        hint={trans.__('Names: nbflow.flow-run.*, !*.Pending')}
      />
      <Term
        model={model}
        name="resource"
        label={trans.__(
          'Ids of what they happened to, with commas between; * for anything'
        )}
        hint={trans.__('Happened to: nbflow.deployment.*')}
      />
      <Term
        model={model}
        name="related"
        label={trans.__('Ids of what they have to do with, with commas between')}
        hint={trans.__('Has to do with: nbflow.tag.daily')}
      />
    </div>
  );
}

interface ITerm {
  model: EventsModel;
  name: keyof ITyped;
  label: string;
  hint: string;
}

/** A list of terms; it is asked for once it is left, or by Enter. */
function Term({ model, name, label, hint }: ITerm): JSX.Element {
  const kept = model.choice[name];
  const choose = (input: HTMLInputElement): void => {
    if (input.value.trim() !== kept) {
      model.choose({ [name]: input.value.trim() });
    }
  };
  return (
    <input
      key={kept}
      type="search"
      name={name}
      placeholder={hint}
      aria-label={label}
      title={label}
      defaultValue={kept}
      onBlur={event => choose(event.currentTarget)}
      onKeyDown={event => event.key === 'Enter' && choose(event.currentTarget)}
    />
  );
}

/** How many there are, of which time, and how many more came meanwhile. */
function Standing({
  model,
  session: { trans },
  said
}: IEventsPart & { said: (count: number) => string }): JSX.Element {
  const { bars, picked, fresh, span } = model;
  const total = (bars ?? []).reduce((sum, { count }) => sum + count, 0);
  const chosen = bars?.find(
    bar => bar.span.from === picked?.from && bar.span.to === picked.to
  );
  return (
    <div className="jp-nbflow-Events-standing">
      <span>
        {bars &&
          trans.__(
            '%1, %2',
            said(picked ? (chosen?.count ?? 0) : total),
            spanText(picked ?? span)
          )}
      </span>
      {picked && (
        <button
          className="jp-nbflow-LinkButton"
          name="all"
          onClick={() => model.pick(null)}
        >
          {trans.__('Show the whole time')}
        </button>
      )}
      <span role="status">
        {fresh !== 0 && (
          <button
            className="jp-nbflow-Button jp-mod-accent"
            name="fresh"
            onClick={({ currentTarget }) => {
              const page = currentTarget.closest('.jp-nbflow-Events');
              const list = page?.querySelector<HTMLElement>(LIST);
              model.showFresh();
              list?.scrollTo(0, 0);
              list?.focus();
            }}
          >
            {fresh === null
              ? trans.__('Many new: show them')
              : trans._n('%1 new', '%1 new', fresh, fresh.toLocaleString())}
          </button>
        )}
      </span>
    </div>
  );
}

function List({ model, session: { trans } }: IEventsPart): JSX.Element {
  if (!model.loaded) {
    return <Skeleton rows={8} trans={trans} />;
  }
  if (!model.rows.length) {
    return (
      <Empty title={trans.__('No events')}>
        <p>
          {trans.__(
            'Nothing that is asked for happened in this time. What happens next stands here by itself.'
          )}
        </p>
        {model.more && (
          <button
            className="jp-nbflow-Button"
            name="further"
            onClick={() => void model.loadMore()}
          >
            {trans.__('Look further back')}
          </button>
        )}
      </Empty>
    );
  }
  return (
    <div
      className="jp-nbflow-Events-list"
      onScrollCapture={({ target }) => {
        model.scrolled((target as HTMLElement).scrollTop > AT_TOP);
      }}
    >
      <Windowed
        rows={model.rows}
        rowHeight={ROW_HEIGHT}
        label={trans.__('Events, the newest first')}
        keyOf={({ id }) => id}
        draw={view => <Row view={view} trans={trans} />}
        onOpen={view => model.open(view)}
        onEnd={() => void model.loadMore()}
        onKey={key => {
          if (key === 'Escape' && model.opened) {
            model.open(null);
            return true;
          }
          return false;
        }}
      />
    </div>
  );
}

function Row({
  view,
  trans
}: {
  view: EventView;
  trans: ISession['trans'];
}): JSX.Element {
  const { resource } = view;
  const { kind, which } = partsOf(resource['nbflow.resource.id'] ?? '');
  return (
    <div className="jp-nbflow-EventRow" data-event={view.event}>
      <span
        className="jp-nbflow-EventRow-dot"
        data-state={resource['nbflow.state-type']}
        data-state-name={resource['nbflow.state-name']}
        aria-hidden="true"
      />
      <span className="jp-nbflow-EventRow-name">{view.event}</span>
      <Ago at={view.occurred} trans={trans} />
      <span className="jp-nbflow-EventRow-what">
        {kind && <span className="jp-nbflow-EventRow-kind">{kind}</span>}{' '}
        <bdi>{nameOf(resource)}</bdi>
        {resource[NAME] && <span className="jp-nbflow-EventRow-kind"> {which}</span>}
      </span>
    </div>
  );
}
